// AegisBench.exe: what can be measured of Aegis on Windows. Google Benchmark's options: --help.
#include <benchmark/benchmark.h>

#include "windows/driver_benchmarks.hpp"

int main(int argc, char** argv) {
    benchmark::Initialize(&argc, argv);
    if (benchmark::ReportUnrecognizedArguments(argc, argv)) {
        return 2;
    }
    aegis::bench::add_driver_benchmarks();
    benchmark::RunSpecifiedBenchmarks();
    benchmark::Shutdown();
    return 0;
}
