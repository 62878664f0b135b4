if __name__ != "forecast.cli":  # the repository root is on sys.path: this folder would pose as another package
    raise ImportError("this folder is the package forecast.cli; take the repository root off sys.path")
