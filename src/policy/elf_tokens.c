// SPDX-License-Identifier: Apache-2.0
#include "policy/elf_tokens.h"

#include <elf.h>
#include <string.h>

#include "base/banned.h"
#include "base/strings.h"

const char *elf_triplet(const struct elf_needs *program)
{
	switch (program->machine) {
	case EM_X86_64:
		return program->class == ELFCLASS64 ? "x86_64-linux-gnu" : "x86_64-linux-gnux32";
	case EM_AARCH64:
		return "aarch64-linux-gnu";
	case EM_386:
		return "i386-linux-gnu";
	case EM_ARM:
		return "arm-linux-gnueabihf";
	case EM_PPC64:
		return "powerpc64le-linux-gnu";
	case EM_S390:
		return "s390x-linux-gnu";
	case EM_RISCV:
		return "riscv64-linux-gnu";
	default:
		return "";
	}
}

const char *elf_platform(const struct elf_needs *program)
{
	switch (program->machine) {
	case EM_X86_64:
		return "x86_64";
	case EM_AARCH64:
		return "aarch64";
	case EM_386:
		return "i686";
	default:
		return "";
	}
}

/* What stands at `text` for a "$NAME" or "${NAME}"; its length, 0 when it is another. */
static size_t token(const char *text, const char *name)
{
	size_t length = strlen(name);
	bool braces = text[1] == '{';
	size_t at = braces ? 2 : 1;

	if (strncmp(text + at, name, length) != 0)
		return 0;
	at += length;
	if (braces)
		return text[at] == '}' ? at + 1 : 0;
	return text[at] && text[at] != '/' && text[at] != ':' ? 0 : at;
}

void elf_expand(const struct elf_needs *program, const char *origin, const char *lib,
		const char *text, size_t length, struct buf *ret_text)
{
	const struct {
		const char *name, *value;
	} tokens[] = { { "ORIGIN", origin },
		       { "LIB", lib },
		       { "PLATFORM", elf_platform(program) } };

	for (size_t i = 0; i < length;) {
		size_t skip = 0;

		for (size_t t = 0; text[i] == '$' && !skip && t < array_count(tokens); t++) {
			skip = token(text + i, tokens[t].name);
			if (skip)
				buf_add_text(ret_text, tokens[t].value);
		}
		if (!skip)
			buf_add_char(ret_text, text[i]);
		i += skip ? skip : 1;
	}
}
