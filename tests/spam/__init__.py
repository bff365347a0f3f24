"""The spam model: how it is made and how good it is. `train` needs the extra `model`."""
