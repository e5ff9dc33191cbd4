PAGE = None


def write(found):
    return ""
