# The face of the project; CMake and Ninja do the work. `make help` lists what there is.

BUILD ?= build
PREFIX ?= /usr/local
JOBS ?= $(shell nproc 2>/dev/null || echo 2)
LISTEN ?= 127.0.0.1:3000
# Debian's pytest belongs to Debian's Python, which need not be the first on the PATH.
PYTHON ?= $(shell test -x /usr/bin/python3 && echo /usr/bin/python3 || echo python3)

NINJA = ninja -C $(BUILD) -j $(JOBS)

all: build

help:
	@echo 'make           build $(BUILD)/cede, $(BUILD)/libcede.a and $(BUILD)/libcede.so'
	@echo 'make serve     the same, then an echo server on $(LISTEN) (LISTEN=HOST:PORT)'
	@echo 'make test      build and run every test'
	@echo 'make sanitize  the tests under ASan and UBSan, TSan, and Valgrind'
	@echo 'make bench     build and run the benchmarks'
	@echo 'make install   install under PREFIX=$(PREFIX) (DESTDIR is honoured)'
	@echo 'make format    format the C sources'
	@echo 'make deps      install what building and testing needs (Debian, Ubuntu)'
	@echo 'make clean     remove $(BUILD)/'
	@echo
	@echo 'What is missing to build is installed by apt, as root or by sudo without a password;'
	@echo 'where neither works, the command to run is printed.'

configure-%: deps-%
	@cmake --log-level=NOTICE -S . -B $(BUILD) -G Ninja -DCMAKE_INSTALL_PREFIX=$(PREFIX) \
	    $(CMAKE_FLAGS)

deps-%:
	@tools/deps.sh $*

build: configure-build
	@$(NINJA) cede_cli cede_static cede_shared

serve: build
	@exec $(BUILD)/cede echo --listen $(LISTEN)

test: configure-test
	@$(NINJA)
	@$(PYTHON) tools/run_tests.py $(BUILD) -j $(JOBS)

sanitize: deps-ci
	@tools/preset.sh asan tsan valgrind

bench: configure-bench
	@$(NINJA)
	@CEDE_BUILD=$(BUILD) $(PYTHON) bench/yield.py
	@CEDE_BUILD=$(BUILD) $(PYTHON) bench/echo.py
	@$(BUILD)/bench/parked 1000000 65536
	@$(BUILD)/bench/parked 1000000

install: build
	@cmake --install $(BUILD)
	@[ -n "$(DESTDIR)" ] || [ "$$(id -u)" != 0 ] || ldconfig # so that the new library is found

format: deps-ci
	@git ls-files -co --exclude-standard '*.c' '*.h' | xargs clang-format -i

deps: deps-build deps-test

clean:
	rm -rf $(BUILD)

.PHONY: all help build serve test sanitize bench install format deps clean
