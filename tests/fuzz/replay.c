// SPDX-License-Identifier: Apache-2.0
/* Runs a fuzz target over the files given, or over those in the folders given. */
#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>

#include "fuzz.h"

#include "base/io.h"
#include "base/strings.h"

#define INPUT_MAX_BYTES ((size_t)1 << 20)

static int add_files(struct strings *files, const char *path)
{
	DIR *dir = opendir(path);

	if (!dir) {
		strings_add(files, path);
		return 0;
	}
	for (struct dirent *entry = readdir(dir); entry; entry = readdir(dir))
		if (entry->d_name[0] != '.')
			strings_printf(files, "%s/%s", path, entry->d_name);
	return closedir(dir);
}

int main(int argc, char **argv)
{
	auto_strings files = { 0 };
	struct err err = { 0 };

	for (int i = 1; i < argc; i++)
		if (add_files(&files, argv[i]) < 0)
			return 1;
	strings_sort(&files);
	strings_each(&files, file) {
		auto_buf input = { 0 };

		if (io_read_file_at(AT_FDCWD, file, INPUT_MAX_BYTES, &input, &err) < 0) {
			fprintf(stderr, "%s\n", err.text);
			return 1;
		}
		LLVMFuzzerTestOneInput((const uint8_t *)buf_text(&input), input.size_bytes);
	}
	printf("%zu inputs\n", files.count);
	return files.count == 0;
}
