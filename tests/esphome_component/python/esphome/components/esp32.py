from esphome.core import CORE


def add_extra_build_file(filename, path):
    CORE.build_files[filename] = path
    return True
