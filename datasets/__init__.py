if __name__ != "forecast.datasets":  # the repository root is on sys.path: this folder would pose as another package
    raise ImportError("this folder is the package forecast.datasets; take the repository root off sys.path")
