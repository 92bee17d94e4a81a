# Settings of the course for The Littlest JupyterHub: /opt/tljh/config/jupyterhub_config.d/course.py
c = get_config()  # noqa: F821

c.Spawner.default_url = "/lab/tree/course/00_start_here.ipynb"
c.Spawner.environment = {
    "KERAS_BACKEND": "tensorflow",
    "TF_CPP_MIN_LOG_LEVEL": "3",
    "CUDA_VISIBLE_DEVICES": "-1",
    "MALLOC_ARENA_MAX": "2",
}
# A kernel that has computed nothing for an hour ends and gives its memory back, also while its
# notebook stays open in a browser; the notebook stays, its variables do not.
c.Spawner.args = [
    "--MappingKernelManager.cull_idle_timeout=3600",
    "--MappingKernelManager.cull_connected=True",
]
c.Spawner.start_timeout = 120
