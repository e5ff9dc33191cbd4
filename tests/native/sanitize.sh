#!/usr/bin/env bash
# The kernels under the sanitizers of GCC: `make sanitize`. Builds in build/sanitize alone and stops at the first report.
#
#   address, undefined   tests/test_kernels.py and the other tests that call the core, in a virtual environment of its own, the
#                        sanitizer's runtime loaded in front of Python; then `drive` without Python, which also looks for leaks
#   thread               `drive` alone, from many threads: torch's OpenMP is not compiled for it and would be reported
#
# So nothing of others' code has to be suppressed. Before that, a bug of each kind is made from outside (by `drive plant`, or by a size that
# is one too large) and must be reported: this proves each time that the build is watched, the kernels in it too. How bugs inside
# were planted, and what said so: `std::free(own.start)` behind the aligned_alloc of pool.cpp (use after free), int(gap * 1e30) in
# gaps.cpp (cast), Pool::run without the lock of mutex_ (data race), memset(own.g_half) left out in ltc.cpp (`drive`: not finite),
# `i <= samples` in store_rows of matrix.h (`drive`: written behind an array).
set -euo pipefail
cd "$(dirname "$0")/../.."
venv=${VENV:-.venv}
out=$PWD/build/sanitize
python=$out/venv/bin/python
tests=(tests/test_kernels.py tests/test_kernels_corners.py tests/test_stream.py tests/test_stream_chains.py tests/test_core.py tests/test_network.py tests/test_install.py)

say() { printf '\n== %s\n' "$*"; }

# planted WORD COMMAND...: the command must fail with a report that holds WORD.
planted() {
  local word=$1 report
  shift
  if report=$("$@" 2>&1) || ! grep -q "$word" <<<"$report"; then
    printf 'A planted bug was not reported as "%s": this build is not watched.\n%s\n' "$word" "$report" >&2
    exit 1
  fi
  echo "planted: $word, reported"
}

say "Build with -fsanitize=address,undefined (a minute or two)"
rm -rf "$out/venv" "$out"/report.*
"$venv/bin/python" -m venv --without-pip "$out/venv"
# Whatever $venv sees, but not tauflow itself: the .pth files in there are not followed.
"$venv/bin/python" -c 'import sys; print(*(path for path in sys.path if path.endswith("-packages")), sep="\n")' \
  >"$(echo "$out"/venv/lib/python*/site-packages)/base.pth"
# The sets of instructions that are shipped, each of them: the tests, and drive, run with all that this machine has.
options=(-C build-dir="$out/address" -C cmake.define.TAUFLOW_SANITIZE=address,undefined -C cmake.define.TAUFLOW_NATIVE=ON -C install.strip=false)
PATH=$PWD/$venv/bin:$PATH "$venv/bin/python" -m pip --python "$python" install -q --no-build-isolation --no-deps --no-index "${options[@]}" .
address=$out/address/tests/native/drive

say "Are the sanitizers awake?"
export UBSAN_OPTIONS=print_stacktrace=1 TSAN_OPTIONS=halt_on_error=1
planted heap-buffer-overflow "$address" plant overflow
planted heap-use-after-free "$address" plant freed
planted "detected memory leaks" "$address" plant leak
planted "signed integer overflow" "$address" plant integer
planted "outside the range of representable values" "$address" plant cast
runtime=$(g++ -print-file-name=libasan.so):$(g++ -print-file-name=libstdc++.so)
watched() { # Python's own leaks are not ours, and pytest would swallow what is written to its standard error
  env LD_PRELOAD="$runtime" OMP_NUM_THREADS=1 ASAN_OPTIONS="detect_leaks=0$1" UBSAN_OPTIONS="print_stacktrace=1$1" "$python" "${@:2}"
}
planted heap-buffer-overflow watched "" -c 'import torch; from tauflow import _core; gaps = torch.zeros(10); _core.check_gaps(gaps.data_ptr(), 11, False)'

say "The tests of the core under address and undefined"
watched ":log_path=$out/report" -m pytest -q -n 2 -p no:cacheprovider "${tests[@]}" \
  -k "(kernels and not compile_and_export and not grows and not gradcheck and not as_near) or (stream and not grow) or (rows and masks) or test_core or check_gaps" || failed=1
if compgen -G "$out/report.*" >/dev/null; then cat "$out"/report.*; failed=1; fi
[[ -z ${failed:-} ]] || exit 1

say "With each instruction set 3,000 calls, 5,000 chains and 5,000 networks, then 2,000 calls from four threads, without Python"
"$address" calls 3000
"$address" chains 5000
"$address" networks 5000
"$address" threads 2000
"$address" throws
"$address" replay tests/native/corpus/*

say "-fsanitize=thread"
PATH=$PWD/$venv/bin:$PATH cmake -S . -B "$out/thread" -G Ninja -DTAUFLOW_SANITIZE=thread -DTAUFLOW_MARCH=native -DTAUFLOW_NATIVE=ON \
  -DTAUFLOW_PYTHON=OFF -DSKBUILD_PROJECT_VERSION=0 >/dev/null
PATH=$PWD/$venv/bin:$PATH cmake --build "$out/thread"
thread=$out/thread/tests/native/drive
planted "data race" "$thread" plant race
"$thread" threads 4000
"$thread" throws

say "No report"
