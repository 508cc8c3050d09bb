def show(plan, folder):
    return ""
def write_page(plan, folder, out):
    pass
