"""What the generated node is made of: what our component asked for, in its order."""


class Core:
    def __init__(self):
        self.statements = []
        self.build_files = {}
        self.libraries = {}
        self.cpp_standard = None


CORE = Core()
