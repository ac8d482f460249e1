"""@local_cuda: the toolkit of this machine as labels.

Looked for at CUDA_PATH, CUDA_HOME, /usr/local/cuda, and where
deploy/install_cuda.sh puts one. CUDA_ARCHS=75,87 names the architectures to
compile for; by default all of _WANTED that nvcc knows.
"""

# Orin is 87, Thor 110; the rest are desktops, newest last.
_WANTED = ["75", "80", "86", "87", "89", "90", "100", "110", "120"]

_HEAD = """\
# Written by //third_party/cuda:configure.bzl.
load("@layerd//third_party/cuda:toolkit.bzl", "cuda_toolkit")

package(default_visibility = ["//visibility:public"])

cc_library(
    name = "headers",
    hdrs = glob(["include/*.h", "include/*.hpp", "include/crt/**", "include/nv/**", "include/cccl/nv/**"]),
    includes = ["include", "include/cccl"],
)

cuda_toolkit(
    name = "toolkit",
    architectures = {architectures},
    headers = ":headers",
    nvcc = "{nvcc}",
)
"""

_LIBRARY = """
cc_library(
    name = "{name}",
    linkopts = {linkopts},
    deps = [":headers"],
)
"""

_SONAMES = {
    "cublasLt": "libcublasLt.so",
    "cudart": "libcudart.so",
    "cudnn": "libcudnn.so",
}

def _candidates(ctx):
    paths = [ctx.os.environ.get("CUDA_PATH"), ctx.os.environ.get("CUDA_HOME"), "/usr/local/cuda"]
    cache = ctx.os.environ.get("XDG_CACHE_HOME")
    home = ctx.os.environ.get("HOME")
    if not cache and home:
        cache = home + "/.cache"
    if cache:
        paths.append(cache + "/layerd-cuda/toolkit")
    return [path for path in paths if path]

def _find_toolkit(ctx):
    for candidate in _candidates(ctx):
        if ctx.path(candidate + "/bin/nvcc").exists:
            return candidate
    fail("\n--config=cuda needs a CUDA toolkit, and there is no bin/nvcc in " +
         ", ".join(_candidates(ctx)) + ". Try:\n    deploy/install_cuda.sh\n")

def _architectures(ctx, nvcc):
    result = ctx.execute([nvcc, "--list-gpu-code"])
    if result.return_code != 0:
        fail("\n%s --list-gpu-code failed: %s" % (nvcc, result.stderr))
    known = [line.strip()[3:] for line in result.stdout.split("\n") if line.startswith("sm_")]
    named = ctx.os.environ.get("CUDA_ARCHS", "")
    if not named:
        return [number for number in _WANTED if number in known]
    wanted = [number.strip() for number in named.split(",")]
    for number in wanted:
        if number not in known:
            fail("\nCUDA_ARCHS: nvcc does not know %s, only %s" % (number, ", ".join(known)))
    return wanted

def _library_folders(ctx, toolkit):
    folders = [toolkit + "/lib64", toolkit + "/lib"]
    multiarch = ctx.execute(["gcc", "-print-multiarch"])
    if multiarch.return_code == 0:
        folders.append("/usr/lib/" + multiarch.stdout.strip())
    return folders

def _linkopts(ctx, folders, name, soname):
    for folder in folders:
        if not ctx.path(folder + "/" + soname).exists:
            continue
        flags = ["-l" + name]
        if not folder.startswith("/usr/lib/"):
            flags = ["-L" + folder, "-Wl,-rpath," + folder] + flags
        return ["-Wl,--push-state,--as-needed"] + flags + ["-Wl,--pop-state"]
    return None

def _cuda_configure_impl(ctx):
    toolkit = _find_toolkit(ctx)
    ctx.symlink(toolkit + "/include", "include")
    text = _HEAD.format(
        architectures = repr(_architectures(ctx, toolkit + "/bin/nvcc")),
        nvcc = toolkit + "/bin/nvcc",
    )
    folders = _library_folders(ctx, toolkit)
    for name, soname in _SONAMES.items():
        # One that is not there is left out: only who needs it fails.
        linkopts = _linkopts(ctx, folders, name, soname)
        if linkopts:
            text += _LIBRARY.format(name = name, linkopts = repr(linkopts))
    ctx.file("BUILD.bazel", text)

cuda_configure = repository_rule(
    implementation = _cuda_configure_impl,
    configure = True,
    environ = ["CUDA_ARCHS", "CUDA_HOME", "CUDA_PATH", "HOME", "PATH", "XDG_CACHE_HOME"],
    local = True,
)
