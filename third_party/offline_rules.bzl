"""Stand-ins for the three repositories that Bazel 4 fetches unasked."""

def offline_rules():
    """Binds the stand-ins; a repository named in WORKSPACE wins over Bazel's.

    Newer Bazels carry these rule sets or load more of them than we stand in
    for, so there we leave them alone. Debian's Bazel 4.2.3 states no version.
    """
    version = native.bazel_version
    if version and int(version.split(".")[0]) >= 6:
        return
    for name in ["remote_coverage_tools", "rules_cc", "rules_java"]:
        native.local_repository(name = name, path = "third_party/" + name)
