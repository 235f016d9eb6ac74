// SPDX-License-Identifier: Apache-2.0
/* "rootlet-tap:" and seven words in hexadecimal, each followed by ':', the last of which is the
 * length of what comes next: the path of chroot(2); then the credentials. */
#include "tap/control.h"

#include <string.h>

static const char prefix[] = TAP_CONTROL_PREFIX;

static char *print_word(char *at, unsigned word)
{
	for (int shift = 28; shift >= 0; shift -= 4)
		if (word >> shift || shift == 0)
			*at++ = "0123456789abcdef"[word >> shift & 15];
	*at++ = ':';
	return at;
}

static const char *parse_word(const char *at, unsigned *ret_word)
{
	unsigned word = 0;

	for (; *at && *at != ':'; at++)
		word = word << 4 | (unsigned)(*at >= 'a' ? *at - 'a' + 10 : *at - '0');
	*ret_word = word;
	return *at == ':' ? at + 1 : at;
}

size_t tap_control_print(const struct tap_control *control, const struct creds *creds, char *text)
{
	char *at = text + sizeof(prefix) - 1;

	memcpy(text, prefix, sizeof(prefix) - 1);
	at = print_word(at, (unsigned)control->blob_fd);
	at = print_word(at, (unsigned)control->image_fd);
	at = print_word(at, (unsigned)control->table_fd);
	at = print_word(at, (unsigned)control->target_fd);
	at = print_word(at, (unsigned)control->interpreter_fd);
	at = print_word(at, control->flags);
	at = print_word(at, (unsigned)strlen(control->chroot));
	memcpy(at, control->chroot, strlen(control->chroot));
	at += strlen(control->chroot);
	if (creds)
		at += creds_print(creds, at);
	*at = '\0';
	return (size_t)(at - text);
}

int tap_control_parse(const char *text, struct tap_control *control, struct creds *creds)
{
	unsigned word[7];

	if (strncmp(text, prefix, sizeof(prefix) - 1) != 0)
		return -1;
	text += sizeof(prefix) - 1;
	for (int i = 0; i < 7; i++)
		text = parse_word(text, &word[i]);
	*control = (struct tap_control){ .blob_fd = (int)word[0],
					 .image_fd = (int)word[1],
					 .table_fd = (int)word[2],
					 .target_fd = (int)word[3],
					 .interpreter_fd = (int)word[4],
					 .flags = word[5] };
	if (word[6] >= TAP_CHROOT_MAX || strlen(text) < word[6])
		return -1;
	memcpy(control->chroot, text, word[6]);
	text += word[6];
	creds_init(creds);
	if (*text && !creds_parse(creds, text))
		return -1;
	return 0;
}
