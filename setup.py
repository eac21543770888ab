"""The one part that is compiled: the media engine in C. Without a compiler the rest installs all the same."""

from pathlib import Path
from runpy import run_path

from setuptools import Extension, setup

FOLDER = Path("src/ringthru/media/engine/native")
DIGEST = run_path(str(FOLDER.with_name("native_sources.py")))["digest"](FOLDER)

setup(
    ext_modules=[
        Extension(
            "ringthru.media.engine._native",
            sources=sorted(str(each) for each in FOLDER.glob("*.c")),
            define_macros=[("RT_SOURCES", f'"{DIGEST}"')],
            depends=sorted(str(each) for each in FOLDER.glob("*.h")),
            # Contracted sums would differ from Python's in the last bit, and so from the other engine's.
            extra_compile_args=["-std=gnu11", "-O2", "-ffp-contract=off", "-pthread"],
            extra_link_args=["-pthread"],
            libraries=["m"],
            py_limited_api=True,
            optional=True,
        )
    ],
    options={"bdist_wheel": {"py_limited_api": "cp311"}},
)
