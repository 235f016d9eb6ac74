# The door: every target calls meson with the build folder ./build.
BUILD  ?= build
PREFIX ?= /usr/local
MESON_ARGS ?= $(if $(filter true,$(CI)),-Dwerror=true)

all: $(BUILD)/build.ninja
	meson compile -C $(BUILD)

$(BUILD)/build.ninja:
	meson setup --prefix $(PREFIX) $(BUILD) $(MESON_ARGS)

demo: all
	tests/support/demo $(BUILD)

test: all
	tests/support/run-tests $(BUILD)

bench: all
	bench/run $(BUILD)

install: $(BUILD)/build.ninja
	meson configure $(BUILD) --prefix $(PREFIX)
	meson install -C $(BUILD)

clean:
	rm -rf $(BUILD)

.PHONY: all demo test bench install clean
