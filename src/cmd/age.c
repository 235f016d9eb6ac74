// SPDX-License-Identifier: Apache-2.0
#include "cmd/age.h"

#include <string.h>

#include "base/banned.h"
#include "base/number.h"
#include "dockerfile/values.h"

#define DAY_S	 (24 * 60 * 60)
#define NS_PER_S 1000000000

int age_parse(const char *name, const char *value, int64_t *ret_seconds, struct err *err)
{
	size_t length = strlen(value);
	char last = length ? value[length - 1] : '\0';
	char days_text[16] = "";
	uint32_t days;
	int64_t ns;

	if ((last == 'd' || last == 'w') && length < sizeof(days_text)) {
		memcpy(days_text, value, length - 1);
		if (number_parse_u32(days_text, &days) == 0) {
			*ret_seconds = (int64_t)days * (last == 'w' ? 7 : 1) * DAY_S;
			return 0;
		}
	}
	if (duration_parse(value, &ns, NULL) < 0 || ns < 0)
		return fail_plain(err, EINVAL, "--%s: '%s' is not an age such as 90m, 24h or 7d",
				  name, value);
	*ret_seconds = ns / NS_PER_S;
	return 0;
}
