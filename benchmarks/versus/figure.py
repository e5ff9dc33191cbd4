def draw(found, folder):
    pass
