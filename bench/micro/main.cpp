// aegis-bench-micro. Google Benchmark's options: --help.
#include <benchmark/benchmark.h>

BENCHMARK_MAIN();
