# One word per thing a person wants to do. CMake builds; CMakePresets.json has the configurations.
#
#   PREFIX    where `install` puts everything, below DESTDIR where that is given
#   ARGS      what `run` passes to the agent, for example ARGS="--duration 20 --output ndjson", and `coverage` to its table
#   SECONDS   how long `fuzz` runs each fuzzer
#   MINUTES   how long `soak` runs the ring, and `stress` the driver

MAKEFLAGS += --no-print-directory

.PHONY: help run check test install windows bench bench-quick bench-check bench-accept fuzz mutation mutation-driver soak stress \
	coverage lint clean

help:
	@echo 'make run [ARGS="…"]   build the sensor and run the agent; ARGS="--help" lists its options'
	@echo 'make check            while you work: build the release configuration and run its tests (3 minutes at most)'
	@echo 'make test             before you push: build and test everything: release, sanitizers, Windows artifacts under Wine'
	@echo 'make install PREFIX=/usr/local DESTDIR=  install agent, host, headers and CMake package (docs/library.md)'
	@echo 'make windows          build AegisMon.sys, AegisAgent.exe, AegisBench.exe and aegis.dll into out/windows'
	@echo 'make bench            measure everything and render docs/benchmarks.md (8 minutes)'
	@echo 'make bench-quick      measure the ratios only (1 minute)'
	@echo 'make bench-check      measure the ratios and say which moved against the committed ones (3 minutes)'
	@echo 'make bench-accept     measure the ratios and make them the committed ones (3 minutes)'
	@echo 'make fuzz SECONDS=600 fuzz the control requests, policies, the consumer page and the ring, so long each'
	@echo 'make mutation         change one thing in the ring, some 280 times, and see a test fail each time (20 minutes)'
	@echo 'make mutation-driver  change one thing in the driver, some 2,930 times, and see a test fail each time (hours)'
	@echo 'make soak MINUTES=10  sleep and wake ten million times, then run the ring at full speed, every check on'
	@echo 'make stress MINUTES=10 race setup, teardown, exits, kills and unload against each other under sanitizers'
	@echo 'make coverage         print how much of ring, driver and agent the tests run; ARGS=--uncovered lists the rest'
	@echo 'make lint             run clang-tidy over the native sources'
	@echo 'make clean            remove everything that was built'

# Standard output belongs to the agent, whose events may go into a pipe.
run:
	@cmake/install-dependencies.sh run >&2
	@cmake/build.sh release aegis_agent aegismon-host >&2
	@build/release/bin/aegis-agent $(ARGS)

check:
	@cmake/install-dependencies.sh test
	@tests/run-check.sh

test:
	@cmake/install-dependencies.sh test
	@tests/run-all.sh

PREFIX ?= /usr/local
install:
	@cmake/install-dependencies.sh run >&2
	@cmake/build.sh release aegis_agent aegismon-host aegis_client_shared aegis_client_static >&2
	@DESTDIR='$(DESTDIR)' cmake --install build/release --prefix '$(PREFIX)'

windows:
	@cmake/install-dependencies.sh windows
	@cmake/build.sh windows windows_artifacts
	@cmake --install build/windows --prefix out/windows >/dev/null
	@echo "==> out/windows has:" && ls out/windows

bench:
	@cmake/install-dependencies.sh bench
	@cmake/build.sh bench aegis-bench aegis-bench-micro
	@bench/run.sh full

bench-quick bench-check bench-accept: bench-%:
	@cmake/install-dependencies.sh bench
	@cmake/build.sh bench aegis-bench aegis-bench-micro
	@bench/run.sh $*

SECONDS ?= 600
fuzz:
	@cmake/install-dependencies.sh test
	@AEGIS_BUILD_TESTS=ON cmake/build.sh asan fuzz_ioctl fuzz_policy fuzz_consumer_page fuzz_consumer
	@for fuzzer in fuzz_ioctl fuzz_policy fuzz_consumer_page fuzz_consumer; do \
		tests/fuzz/run_fuzzer.sh build/asan/bin/$$fuzzer tests/fuzz/corpus/$$fuzzer build/fuzz/$$fuzzer $(SECONDS) || exit 1; \
	done

mutation:
	@cmake/install-dependencies.sh test
	@tests/mutation/run

mutation-driver:
	@cmake/install-dependencies.sh test
	@for tree in release asan tsan; do AEGIS_BUILD_TESTS=ON cmake/build.sh $$tree aegis_driver_mutants || exit 1; done
	@tests/run-sanitized.sh tests/mutation/run-driver --tree build/release --tree build/asan --tree build/tsan

MINUTES ?= 10
soak:
	@cmake/install-dependencies.sh test
	@AEGIS_BUILD_TESTS=ON cmake/build.sh release aegis_contention_tests aegis_ring_soak
	@AEGIS_SLEEPS=10000000 build/release/bin/aegis_contention_tests \
		--gtest_filter=DoorbellContention.NoWakeupIsLostByAConsumerThatSpins
	@build/release/bin/aegis_ring_soak $(MINUTES)

stress:
	@cmake/install-dependencies.sh test
	@for tree in asan tsan; do \
		AEGIS_BUILD_TESTS=ON cmake/build.sh $$tree aegis_driver_race_tests aegis_host_process_tests || exit 1; \
	done
	@tests/driver/stress $(MINUTES) build/asan build/tsan

coverage:
	@cmake/install-dependencies.sh coverage
	@AEGIS_BUILD_TESTS=ON cmake/build.sh coverage
	@tests/coverage/run $(ARGS)

lint:
	@cmake/install-dependencies.sh lint
	@tests/lint.sh

clean:
	@rm -rf build out
