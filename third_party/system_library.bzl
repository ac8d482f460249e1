"""Labels for libraries that the distribution has installed.

A system_library() repository has one cc_library per target. What a target is
made of is a list of words:

    pkg:NAME     flags from pkg-config; the package must exist
    pkg?:NAME    the same, and nothing if the package does not exist
    lib:NAME     -lNAME, for libraries without a .pc file
    archives:NAME  whoever depends on it links what the package NAME brings as
                 archives, where there are some: to be copied elsewhere
    hdr:PATH     a header that must be found
    dep:LABEL    another target
    define:X=Y   a preprocessor definition

/usr/include is built into the toolchain, so no header is copied or listed.
Bazel does not see apt change a library: `bazel sync --configure` looks again.
"""

_BUILD_HEAD = """\
# Written by //third_party:system_library.bzl.
package(default_visibility = ["//visibility:public"])
"""

_TARGET = """
cc_library(
    name = {name},
    hdrs = {hdrs},
    defines = {defines},
    includes = {includes},
    linkopts = {linkopts},
    deps = {deps},
)
"""

def _words(text):
    return [word for word in text.replace("\n", " ").split(" ") if word]

def _fail(ctx, what):
    fail("\n%s is missing, which @%s is made of. Try:\n    %s\n" %
         (what, ctx.name, ctx.attr.hint))

def _pkg_config(ctx, flag, package):
    """The words of pkg-config, or None if it does not know the package."""
    tool = ctx.which("pkg-config")
    if not tool:
        fail("\npkg-config is missing. Try:\n    apt-get install pkg-config\n")
    result = ctx.execute([tool, flag, package])
    return _words(result.stdout) if result.return_code == 0 else None

def _check_header(ctx, header):
    compiler = ctx.os.environ.get("CC", "gcc")
    result = ctx.execute([
        "sh",
        "-c",
        "echo '#include <%s>' | %s -x c++ -std=c++20 -fsyntax-only -" %
        (header, compiler),
    ])
    if result.return_code != 0:
        _fail(ctx, "the header <%s>" % header)

def _add_package(ctx, package, folder, parts):
    """Adds what pkg-config says; False if it does not know the package."""
    cflags = _pkg_config(ctx, "--cflags", package)
    libs = _pkg_config(ctx, "--libs", package)
    if cflags == None or libs == None:
        return False
    for flag in cflags:
        if flag.startswith("-D"):
            parts.defines.append(flag[2:])
        elif flag.startswith("-I") and flag[2:] != "/usr/include":
            link = "include_%d" % len(parts.includes)
            ctx.symlink(flag[2:], (folder + "/" if folder else "") + link)
            parts.includes.append(link)
    parts.libs.extend(libs)
    return True

def _add_archives(ctx, package, folder, parts):
    """A folder with archives only, in which the linker looks first."""
    libs = _pkg_config(ctx, "--libs", package)
    where = _pkg_config(ctx, "--variable=libdir", package)
    if libs == None or not where:
        return False
    link_folder = (folder + "/" if folder else "") + "archives_" + package
    for flag in libs:
        file = "lib%s.a" % flag[2:]
        archive = where[0] + "/" + file
        link = link_folder + "/" + file
        if flag.startswith("-l") and ctx.path(archive).exists and not ctx.path(link).exists:
            ctx.symlink(archive, link)
    parts.folders.append("-L%s" % ctx.path(link_folder))
    return True

def _target(ctx, folder, name, words):
    parts = struct(defines = [], includes = [], libs = [], deps = [], folders = [])
    for word in words:
        kind, _, value = word.partition(":")
        if kind == "pkg":
            if not _add_package(ctx, value, folder, parts):
                _fail(ctx, "the pkg-config package " + value)
        elif kind == "pkg?":
            _add_package(ctx, value, folder, parts)
        elif kind == "lib":
            parts.libs.append("-l" + value)
        elif kind == "archives":
            if not _add_archives(ctx, value, folder, parts):
                _fail(ctx, "the pkg-config package " + value)
        elif kind == "hdr":
            _check_header(ctx, value)
        elif kind == "dep":
            parts.deps.append(value)
        elif kind == "define":
            parts.defines.append(value)
        else:
            fail("@%s: no such word: %s" % (ctx.name, word))
    linkopts = parts.folders
    if parts.libs:
        # Bazel's toolchain says --no-as-needed, and pkg-config names some 60
        # libraries for gRPC. Only the ones in use become dependencies.
        linkopts += ["-Wl,--push-state,--as-needed"] + parts.libs + ["-Wl,--pop-state"]
    hdrs = "glob(%r)" % [i + "/**" for i in parts.includes] if parts.includes else "[]"
    return _TARGET.format(
        name = repr(name),
        hdrs = hdrs,
        defines = repr(parts.defines),
        includes = repr(parts.includes),
        linkopts = repr(linkopts),
        deps = repr(parts.deps),
    )

def _system_library_impl(ctx):
    files = {}
    for label, words in ctx.attr.targets.items():
        folder, _, name = label.partition(":")
        files[folder] = files.get(folder, _BUILD_HEAD) + _target(ctx, folder, name, words)
    files.setdefault("", _BUILD_HEAD)
    for folder, text in files.items():
        ctx.file((folder + "/" if folder else "") + "BUILD.bazel", text)

system_library = repository_rule(
    implementation = _system_library_impl,
    attrs = {
        "hint": attr.string(doc = "The command that installs what is missing."),
        "targets": attr.string_list_dict(doc = "FOLDER:NAME to a list of words."),
    },
    configure = True,
    environ = ["CC", "PATH", "PKG_CONFIG_LIBDIR", "PKG_CONFIG_PATH"],
    local = True,
)

def _system_tools_impl(ctx):
    ctx.file("BUILD.bazel", "exports_files(%r)\n" % ctx.attr.tools.keys())
    for tool, package in ctx.attr.tools.items():
        path = ctx.which(tool)
        if not path:
            fail("\n%s is missing. Try:\n    apt-get install %s\n" % (tool, package))
        ctx.symlink(path, tool)

system_tools = repository_rule(
    implementation = _system_tools_impl,
    attrs = {"tools": attr.string_dict(doc = "Program to the package that has it.")},
    configure = True,
    environ = ["PATH"],
    local = True,
)
