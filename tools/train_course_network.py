"""Train the bundled network "course": a small VGG-style classifier of 16 everyday things.

    python tools/train_course_network.py --data PHOTOS --work WORK --out data/networks/course.npz
    python tools/train_course_network.py --data PHOTOS --out data/networks/course.npz --report

PHOTOS holds train.zip, val.zip, test.zip (<class>/<name>.jpg) and labels.csv with the columns
file, split, class, class_id, width, height, box_x0, box_y0, box_x1, box_y1, mask_kind; for the
report also masks_test.zip. data/MODEL_CARD.md names the public sources. WORK keeps the decoded
photos, the teacher's maps (1.5 GB in all) and a checkpoint after every epoch: a run that was cut
off goes on.

The training needs PyTorch (`pip install torch`) besides TensorFlow: on a CPU with bfloat16 a step
takes three quarters of the time, and the result is plain numbers that Keras loads. It takes 50
minutes on two cores. The same seed gives the same random draws, but not the same bits on every
machine.

1. The teacher, MobileNetV2 with ImageNet weights, looks once at every whole photo and leaves a 9x9
   map of features. A linear probe turns every place of that map into class logits.
2. The student sees random views (crop, zoom out, turn, flip, colour, patches of other photos),
   first at 64, then 96, then 128 px. The teacher's maps are cut by the same view, so every view
   has a target for every place and the teacher runs only once a photo.
3. The loss adds four parts: the label; the teacher's logits for the view; its logits place by
   place, so that a class is found where it is; its features, which a 1x1 convolution predicts from
   the student's last map. That convolution is dropped after training.
4. A running average of the weights is kept. At the end batch norm is folded into the convolutions
   and 16-bit floats are stored.

Training and its choices never read the test split; `--report` does, once, at the end.
"""

import argparse
import csv
import io
import json
import time
import zipfile
from pathlib import Path

import numpy as np

WIDTHS = (32, 48, 96, 192, 320)  # channels of the five blocks
TEACHER_SIZE = 288  # gives 9x9 maps
TEACHER_DIMS = 192  # principal components of the teacher's 1280 features
STAGES = ((0.0, 64), (0.36, 96), (0.74, 128))  # from this share of the run on, this input size
EPSILON = 1e-5  # of batch norm

# What is shipped ---------------------------------------------------------------------------------


def fold_batch_norm(kernel, gamma, beta, mean, variance, epsilon=EPSILON):
    """Return (kernel, bias) of the one convolution that equals `kernel`, then batch norm at rest.

    kernel : (h, w, in, out), of a convolution without bias; the other arrays : (out,)

    Batch norm at rest is gamma * (z - mean) / sqrt(variance + epsilon) + beta, a fixed scale and
    shift of every output channel: the scale goes into the kernel, the shift becomes the bias.
    """
    scale = gamma / np.sqrt(variance + epsilon)
    return kernel * scale, beta - mean * scale


def shipped_weights(state, widths=WIDTHS):
    """Return {"block1_conv1/kernel": float32 array, ...}, folded, from the student's arrays.

    state : {name: array} of `make_student`, kernels (out, in, h, w) as PyTorch keeps them
    """
    weights, index = {}, 0
    for block in range(1, len(widths) + 1):
        for conv in (1, 2):
            pooled = conv == 2 and block < len(widths)
            norm = index + 1 + pooled
            kernel = np.asarray(state[f"body.{index}.weight"]).transpose(2, 3, 1, 0)
            parts = ("weight", "bias", "running_mean", "running_var")
            name = f"block{block}_conv{conv}"
            weights[f"{name}/kernel"], weights[f"{name}/bias"] = fold_batch_norm(
                kernel, *(np.asarray(state[f"body.{norm}.{part}"]) for part in parts)
            )
            index = norm + 2
    weights["predictions/kernel"] = np.asarray(state["predictions.weight"]).T
    weights["predictions/bias"] = np.asarray(state["predictions.bias"])
    return weights


def export(state, path):
    """Write the folded network as 16-bit floats, one array a kernel and bias (NPZ)."""
    weights = {name: np.float16(array) for name, array in shipped_weights(state).items()}
    part = path.with_suffix(".part.npz")
    np.savez(part, **weights)
    part.replace(path)


# Data and teacher --------------------------------------------------------------------------------


def read_rows(data, split):
    """Return the rows of labels.csv that belong to a split, in the file's order."""
    with open(Path(data) / "labels.csv", newline="", encoding="utf-8") as file:
        return [row for row in csv.DictReader(file) if row["split"] == split]


def read_photos(data, split, size):
    """Return a split's photos, each resized as a whole (bicubic): uint8 (n, size, size, 3)."""
    from PIL import Image

    rows = read_rows(data, split)
    photos = np.empty((len(rows), size, size, 3), np.uint8)
    with zipfile.ZipFile(Path(data) / f"{split}.zip") as archive:
        for photo, row in zip(photos, rows, strict=True):
            image = Image.open(io.BytesIO(archive.read(row["file"]))).convert("RGB")
            photo[:] = np.asarray(image.resize((size, size), Image.Resampling.BICUBIC))
    return photos


def read_boxes(rows):
    """Return object boxes (n, 4) as shares of the photo, x0 y0 x1 y1; NaN where there is none."""
    sides = {"box_x0": "width", "box_y0": "height", "box_x1": "width", "box_y1": "height"}
    boxes = [[float(r[box] or "nan") / float(r[side]) for box, side in sides.items()] for r in rows]
    return np.array(boxes, np.float32)


def cached(path, make):
    """Return the array in `path`; `make` it and write it the first time."""
    if not path.exists():
        part = path.with_suffix(".part.npy")
        np.save(part, make())
        part.replace(path)
    return np.load(path)


def teacher_features(photos):
    """Return MobileNetV2's last feature map of every photo: float16 (n, 9, 9, 1280)."""
    import tensorflow as tf

    shape = (TEACHER_SIZE, TEACHER_SIZE)
    teacher = tf.keras.applications.MobileNetV2(
        weights="imagenet", include_top=False, input_shape=(*shape, 3)
    )

    @tf.function
    def features(batch):
        batch = tf.image.resize(tf.cast(batch, tf.float32), shape, method="bicubic")
        return teacher(tf.clip_by_value(batch, 0, 255) / 127.5 - 1)

    batches = (photos[i : i + 64] for i in range(0, len(photos), 64))
    return np.concatenate([np.float16(features(batch)) for batch in batches])


def fit_probe(pooled, labels):
    """Train a linear layer from pooled, standardised features (n, c) to class logits; return it."""
    import torch

    probe = torch.nn.Linear(pooled.shape[1], int(labels.max()) + 1)
    optimizer = torch.optim.AdamW(probe.parameters(), 1e-3, weight_decay=0.3)
    labels = torch.tensor(labels)
    for _ in range(15):
        for pick in torch.randperm(len(labels)).split(128):
            loss = torch.nn.functional.cross_entropy(
                probe(pooled[pick]), labels[pick], label_smoothing=0.1
            )
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
    return probe.requires_grad_(False)


def teacher_targets(features, labels):
    """Return the targets of every place: float16 (n, TEACHER_DIMS + classes, 9, 9).

    First the principal components of the features, scaled to a mean variance of 1, then the logits
    of a linear probe. It is trained on pooled features and applied to every place: for a linear
    layer the mean of the places' logits is the logit of the mean.
    """
    import torch

    pooled = torch.tensor(features.mean((1, 2), dtype=np.float32))
    mean, deviation = pooled.mean(0), pooled.std(0) + 1e-3
    probe = fit_probe((pooled - mean) / deviation, labels)
    places = torch.tensor(features[::6].reshape(-1, features.shape[-1])[::3].astype(np.float32))
    places = places - places.mean(0)
    axes = torch.linalg.eigh(places.T @ places / len(places))[1][:, -TEACHER_DIMS:]
    axes = axes / (places @ axes).std()
    targets = []
    for i in range(0, len(features), 256):
        maps = torch.tensor(features[i : i + 256].astype(np.float32))
        both = torch.cat([(maps - mean) @ axes, probe((maps - mean) / deviation)], -1)
        targets.append(np.float16(both.permute(0, 3, 1, 2)))
    return np.concatenate(targets)


# Random views ------------------------------------------------------------------------------------


def random_views(boxes, rng):
    """Return an affine map a photo, from the view's square [-1, 1]^2 to the photo's: (n, 2, 3).

    A quarter show nearly the whole photo, most are crops, some zoom out (the photo is mirrored
    beyond its edges). Where an object's box is known, some views are cut around it, so that it is
    seen at many sizes.
    """
    n = len(boxes)
    kind = rng.random(n)
    whole, zoomed_out, crop = kind < 0.25, kind < 0.40, np.sqrt(rng.uniform(0.25, 1.0, n))
    half = np.where(zoomed_out, rng.uniform(1.0, 1.7, n), crop)
    half = np.where(whole, rng.uniform(0.88, 1.1, n), half)
    aspect = np.exp(rng.uniform(-0.3, 0.3, n) / 2)
    stretch = np.stack([aspect, 1 / aspect], 1)
    half = half[:, None] * stretch
    center = rng.uniform(-1, 1, (n, 2)) * np.abs(1 - half)

    around_box = (~np.isnan(boxes[:, 0]) & (rng.random(n) < 0.4))[:, None]
    size = (boxes[:, 2:] - boxes[:, :2]) / rng.uniform(0.3, 1.2, (n, 1))
    middle = boxes[:, 2:] + boxes[:, :2] - 1 + rng.uniform(-0.35, 0.35, (n, 2)) * size
    half = np.where(around_box, size * stretch, half)
    center = np.where(around_box, middle, center)

    turn = rng.normal(0, 0.12, n)
    flip = np.where(rng.random(n) < 0.5, -1, 1)
    x = np.stack([half[:, 0] * np.cos(turn) * flip, -half[:, 0] * np.sin(turn), center[:, 0]], 1)
    y = np.stack([half[:, 1] * np.sin(turn) * flip, half[:, 1] * np.cos(turn), center[:, 1]], 1)
    return np.float32(np.stack([x, y], 1))


def cut_views(images, views, size):
    """Cut the views out of images or maps (n, c, h, w): float32 (n, c, size, size)."""
    import torch.nn.functional as F

    grid = F.affine_grid(views, (len(views), 1, size, size), align_corners=False)
    return F.grid_sample(images, grid, padding_mode="reflection", align_corners=False)


def random_colour(x, rng):
    """Change light, contrast, tint, saturation of pixels -1..1; one view in twenty becomes grey."""
    import torch

    def draw(low, high, channels=1):
        return torch.tensor(rng.uniform(low, high, (len(x), channels, 1, 1)), dtype=torch.float32)

    grey = x.mean(1, keepdim=True)
    x = grey + (x - grey) * draw(0.5, 1.5) * (draw(0, 1) > 0.05)
    return (x * draw(0.65, 1.35) + draw(-0.3, 0.3) + draw(-0.1, 0.1, 3)).clamp(-1, 1)


def paste_patches(x, target, labels, rng, share):
    """Paste a patch of another view into a share of the views, and the same into the 8x8 targets.

    Returns the views, the targets, the other views' labels, and how much of each view is still its
    own.
    """
    import torch

    other = torch.tensor(rng.permutation(len(x)))
    keep = torch.ones(len(x), 1, 8, 8)
    for i in np.flatnonzero(rng.random(len(x)) < share):
        height, width = rng.integers(2, 7, 2)
        top, left = rng.integers(0, 9 - height), rng.integers(0, 9 - width)
        keep[i, :, top : top + height, left : left + width] = 0
    cell = x.shape[-1] // 8
    keep_pixels = keep.repeat_interleave(cell, 2).repeat_interleave(cell, 3)
    x = x * keep_pixels + x[other] * (1 - keep_pixels)
    target = target * keep + target[other] * (1 - keep)
    return x, target, labels[other], keep.mean((1, 2, 3))


# The student while it learns (PyTorch) -----------------------------------------------------------


def make_student(classes, widths=WIDTHS):
    """Return the training twin of the shipped network: batch norm after every convolution.

    Before a pool the order is convolution, pool, batch norm, ReLU. While gamma > 0 (`train` keeps
    it so) this equals convolution, batch norm, ReLU, pool, because batch norm at rest and ReLU
    never turn a larger number into a smaller one; it costs a quarter.
    """
    from torch import nn

    layers, channels = [], 3
    for block, width in enumerate(widths, start=1):
        for conv in (1, 2):
            layers.append(nn.Conv2d(channels, width, 3, padding=1, bias=False))
            if conv == 2 and block < len(widths):
                layers.append(nn.MaxPool2d(2))
            layers += [nn.BatchNorm2d(width, eps=EPSILON), nn.ReLU(inplace=True)]
            channels = width
    student = nn.Module()
    student.body = nn.Sequential(*layers)
    student.predictions = nn.Linear(channels, classes)
    student.imitate = nn.Conv2d(channels, TEACHER_DIMS, 1)
    return student


def divergence(logits, teacher_logits, temperature):
    """Return the Kullback-Leibler divergence of softened classes, times temperature^2."""
    import torch.nn.functional as F

    ours, theirs = (
        F.log_softmax(z.flatten(0, -2) / temperature, -1) for z in (logits, teacher_logits)
    )
    return temperature**2 * F.kl_div(ours, theirs, log_target=True, reduction="batchmean")


def loss_of(student, x, target, labels, other_labels, own):
    """Return the loss: label, teacher's logits of the view and its places, teacher's features."""
    import torch
    import torch.nn.functional as F

    with torch.autocast("cpu", torch.bfloat16):
        maps = student.body(x)
        imitated = student.imitate(maps)
    places = student.predictions(maps.float().permute(0, 2, 3, 1))
    logits = places.mean((1, 2))  # what Dense gives after global average pooling
    target = F.adaptive_avg_pool2d(target, maps.shape[-1])
    features = target[:, :TEACHER_DIMS]
    teacher_places = target[:, TEACHER_DIMS:].permute(0, 2, 3, 1)

    def label_loss(labels):
        return F.cross_entropy(logits, labels, reduction="none", label_smoothing=0.05)

    return (
        (own * label_loss(labels) + (1 - own) * label_loss(other_labels)).mean()
        + divergence(logits, teacher_places.mean((1, 2)), temperature=2.0)
        + 0.2 * divergence(places, teacher_places, temperature=4.0)
        + F.mse_loss(imitated.float(), features)
    )


def learning_rate(progress, highest):
    """Return the rate at `progress` 0..1: up for the first 8 %, then down along a cosine."""
    if progress < 0.08:
        return highest * progress / 0.08
    return highest * (0.5 + 0.5 * np.cos(np.pi * (progress - 0.08) / 0.92) + 0.002)


def validate(state, photos, labels, boxes):
    """Return top-1, mean class recall, and how often the class map peaks in a known object box."""
    import torch

    student = make_student(int(labels.max()) + 1)
    student.load_state_dict(state)
    student.to(memory_format=torch.channels_last).eval()
    top, peaks = [], []
    for i in range(0, len(photos), 64):
        x = torch.tensor(photos[i : i + 64]).permute(0, 3, 1, 2).float() / 127.5 - 1
        with torch.no_grad(), torch.autocast("cpu", torch.bfloat16):
            maps = student.body(x.to(memory_format=torch.channels_last))
        with torch.no_grad():
            places = student.predictions(maps.float().permute(0, 2, 3, 1)).numpy()
        best = places.mean((1, 2)).argmax(-1)
        class_map = places[np.arange(len(best)), :, :, best]
        row, column = np.divmod(class_map.reshape(len(best), -1).argmax(1), class_map.shape[-1])
        top.append(best)
        peaks.append((np.stack([column, row], 1) + 0.5) / class_map.shape[-1])
    top, peaks = np.concatenate(top), np.concatenate(peaks)
    known = ~np.isnan(boxes[:, 0])
    inside = ((peaks >= boxes[:, :2]) & (peaks <= boxes[:, 2:])).all(1)[known]
    recall = np.mean([(top[labels == c] == c).mean() for c in np.unique(labels)])
    return {"top1": (top == labels).mean(), "recall": recall, "peak_in_box": inside.mean()}


# The run -----------------------------------------------------------------------------------------


class Run:
    """All that changes while the student learns; saved after every epoch."""

    def __init__(self, student, args):
        import torch

        self.student, self.args = student, args
        self.checkpoint = Path(args.work) / "checkpoint.pt"
        decayed = [p for p in student.parameters() if p.ndim > 1]
        others = [p for p in student.parameters() if p.ndim <= 1]
        groups = [{"params": decayed}, {"params": others, "weight_decay": 0.0}]
        self.optimizer = torch.optim.AdamW(groups, lr=args.rate, weight_decay=args.weight_decay)
        self.average = {name: value.clone() for name, value in student.state_dict().items()}
        self.epoch, self.step, self.seconds, self.log = 0, 0, 0.0, []
        if self.checkpoint.exists():
            saved = torch.load(self.checkpoint, weights_only=False)
            student.load_state_dict(saved["student"])
            self.optimizer.load_state_dict(saved["optimizer"])
            self.average, self.log = saved["average"], saved["log"]
            self.epoch, self.step, self.seconds = saved["epoch"], saved["step"], saved["spent"]

    def save(self):
        import torch

        part = self.checkpoint.with_suffix(".part")
        saved = {"student": self.student.state_dict(), "optimizer": self.optimizer.state_dict()}
        saved |= {"average": self.average, "log": self.log}
        saved |= {"epoch": self.epoch, "step": self.step, "spent": self.seconds}
        torch.save(saved, part)
        part.replace(self.checkpoint)

    def progress(self, share_of_epoch=0.0, seconds=0.0):
        """Return how much of the run is done, 0..1, by the clock if --minutes is given."""
        if self.args.minutes:
            return min(1.0, (self.seconds + seconds) / (60 * self.args.minutes))
        return min(1.0, (self.epoch + share_of_epoch) / self.args.epochs)

    def learn(self, loss, progress):
        """Take one optimizer step, keep every gamma above 0, and move the running average."""
        import torch

        for group in self.optimizer.param_groups:
            group["lr"] = learning_rate(progress, self.args.rate)
        self.optimizer.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(self.student.parameters(), 5.0)
        self.optimizer.step()
        self.step += 1
        decay = min(0.998, (1 + self.step) / (10 + self.step))
        with torch.no_grad():
            for layer in self.student.body:
                if isinstance(layer, torch.nn.BatchNorm2d):
                    layer.weight.clamp_(min=1e-3)
            for name, value in self.student.state_dict().items():
                if value.dtype.is_floating_point:
                    self.average[name].lerp_(value, 1 - decay)


def train_epoch(run, photos, targets, labels, boxes, size, rng):
    """Show as many views as there are photos, rare classes more often; return the mean loss.

    photos : uint8 (n, 1.5 size, 1.5 size, 3); targets : of `teacher_targets`
    """
    import torch

    began, total = time.time(), 0.0
    chance = np.bincount(labels)[labels] ** -0.5
    order = rng.choice(len(labels), len(labels), p=chance / chance.sum())
    batches = len(order) // run.args.batch
    for k in range(batches):
        progress = run.progress(k / batches, time.time() - began)
        pick = order[k * run.args.batch : (k + 1) * run.args.batch]
        views = torch.tensor(random_views(boxes[pick], rng))
        x = torch.tensor(photos[pick]).permute(0, 3, 1, 2).float() / 127.5 - 1
        x = random_colour(cut_views(x, views, size), rng)
        target = cut_views(torch.tensor(targets[pick].astype(np.float32)), views, 8)
        own_labels = torch.tensor(labels[pick])
        share = 0.4 if progress < 0.9 else 0.1
        x, target, other_labels, own = paste_patches(x, target, own_labels, rng, share)
        x = x.contiguous(memory_format=torch.channels_last)
        loss = loss_of(run.student, x, target, own_labels, other_labels, own)
        run.learn(loss, progress)
        total += loss.item()
    return total / batches


def train(args):
    """Train, validate after every epoch, write the network to `args.out` at the end."""
    import torch

    torch.set_num_threads(args.threads)
    torch.manual_seed(args.seed)
    work = Path(args.work)
    work.mkdir(parents=True, exist_ok=True)
    rows, val_rows = read_rows(args.data, "train"), read_rows(args.data, "val")
    labels, val_labels = (np.array([int(r["class_id"]) for r in part]) for part in (rows, val_rows))
    boxes, val_boxes = read_boxes(rows), read_boxes(val_rows)

    def photos(split, size):
        return cached(work / f"{split}_{size}.npy", lambda: read_photos(args.data, split, size))

    def targets():
        features = cached(
            work / "teacher_features.npy", lambda: teacher_features(photos("train", 192))
        )
        return teacher_targets(features, labels)

    targets = cached(work / "teacher_targets.npy", targets)
    student = make_student(int(labels.max()) + 1).to(memory_format=torch.channels_last)
    run, size = Run(student, args), None
    while run.progress() < 1:
        began = time.time()
        rng = np.random.default_rng([args.seed, run.epoch])
        new_size = [stage for start, stage in STAGES if run.progress() >= start - 1e-9][-1]
        if new_size != size:
            size, train_photos = new_size, photos("train", new_size * 3 // 2)
            val_photos = photos("val", new_size)
        loss = train_epoch(run, train_photos, targets, labels, boxes, size, rng)
        seconds = time.time() - began
        run.epoch, run.seconds = run.epoch + 1, run.seconds + seconds
        numbers = {"epoch": run.epoch, "size": size, "loss": loss, "seconds": seconds}
        numbers |= validate(run.average, val_photos, val_labels, val_boxes)
        run.log.append({name: round(float(value), 4) for name, value in numbers.items()})
        print(json.dumps(run.log[-1]), flush=True)
        run.save()
    export(run.average, Path(args.out))


# The report --------------------------------------------------------------------------------------


def peak_inside(class_map, mask):
    """Say whether the map (h, w), enlarged bilinearly, peaks where the mask (H, W) is 255."""
    from PIL import Image

    size = mask.shape[::-1]
    large = Image.fromarray(np.float32(class_map)).resize(size, Image.Resampling.BILINEAR)
    return mask[np.unravel_index(np.asarray(large).argmax(), mask.shape)] == 255


def measure(model, data, split="test"):
    """Return top-1, recall of every class, and the Grad-CAM peaks inside the masks of a split.

    Grad-CAM of the predicted class at the last convolution. With global average pooling and one
    Dense layer it is ReLU(sum_k w_k A_k), w_k the Dense layer's weights of that class (a factor
    aside).
    """
    import keras
    from PIL import Image

    rows = read_rows(data, split)
    labels = np.array([int(row["class_id"]) for row in rows])
    convolutions = [layer for layer in model.layers if "conv" in layer.name]
    both = keras.Model(model.inputs, [convolutions[-1].output, model.output])
    height, width = model.input_shape[1:3]
    assert height == width, "the report expects a square input"
    photos = read_photos(data, split, height).astype(np.float32)
    maps, logits = both.predict(photos, batch_size=32, verbose=0)
    top = logits.argmax(1)
    kernel = model.get_layer("predictions").get_weights()[0]
    cams = np.maximum(np.einsum("nhwk,kn->nhw", maps, kernel[:, top]), 0)
    inside = {}
    with zipfile.ZipFile(Path(data) / f"masks_{split}.zip") as archive:
        for i, row in enumerate(rows):
            if row["mask_kind"]:
                name = str(Path(row["file"]).with_suffix(".png").as_posix())
                mask = np.asarray(Image.open(io.BytesIO(archive.read(name))))
                inside[row["file"]] = bool(peak_inside(cams[i], mask))
    recall = {int(c): float((top[labels == c] == c).mean()) for c in np.unique(labels)}
    confusion = np.zeros((logits.shape[1],) * 2, int)
    np.add.at(confusion, (labels, top), 1)
    return {
        "top1": float((top == labels).mean()),
        "mean_recall": float(np.mean(list(recall.values()))),
        "recall": recall,
        "peak_in_mask": float(np.mean(list(inside.values()))),
        "masks": len(inside),
        "confusion": confusion.tolist(),
    }


def report(args):
    """Print what `measure` finds for the stored network."""
    from cnnvis_helpers.networks.bundled import build_vgg

    with np.load(args.out) as stored:
        weights = {name: stored[name].astype(np.float32) for name in stored.files}
    print(json.dumps(measure(build_vgg(weights, (128, 128), "course"), args.data), indent=1))


def main():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--data", required=True, help="folder with train.zip, val.zip, labels.csv")
    parser.add_argument("--out", default="data/networks/course.npz", help="file to write or report")
    parser.add_argument("--work", default="build/course", help="folder for caches and checkpoints")
    parser.add_argument("--epochs", type=int, default=60)
    parser.add_argument("--minutes", type=float, help="let the schedule follow the clock instead")
    parser.add_argument("--batch", type=int, default=64)
    parser.add_argument("--rate", type=float, default=2e-3, help="highest learning rate")
    parser.add_argument("--weight-decay", type=float, default=0.05)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--report", action="store_true", help="measure --out on the test split")
    args = parser.parse_args()
    report(args) if args.report else train(args)


if __name__ == "__main__":
    main()
