"""Photos: bundled ones, files, addresses and arrays as RGB pixels 0..255."""
