// SPDX-License-Identifier: Apache-2.0
#include "remote/retry.h"

#include <string.h>

#include "base/banned.h"
#include "base/number.h"
#include "base/strings.h"
#include "remote/curl_door.h"

#define CANCEL_CHECK_MS 100

bool retry_status(long status)
{
	return status == 408 || status == 429 || status == 500 || status == 502 || status == 503 ||
	       status == 504;
}

uint64_t retry_delay_ms(const struct retry_policy *policy, unsigned attempt, uint32_t random)
{
	uint64_t delay = policy->delay_ms;

	for (unsigned i = 1; i < attempt && delay < RETRY_DELAY_MAX_MS; i++)
		delay *= 2;
	if (delay > RETRY_DELAY_MAX_MS)
		delay = RETRY_DELAY_MAX_MS;
	return delay / 2 + (delay - delay / 2) * random / UINT32_MAX;
}

int retry_after_parse(const char *value, time_t now, uint64_t *ret_ms)
{
	uint64_t seconds;
	time_t when = (time_t)-1;

	if (number_parse_u64(value, &seconds) == 0) {
		if (__builtin_mul_overflow(seconds, (uint64_t)1000, ret_ms))
			*ret_ms = UINT64_MAX;
		return 0;
	}
	if (curl_load(NULL) == 0)
		when = curl_getdate(value, NULL);
	if (when == (time_t)-1)
		return -EINVAL;
	*ret_ms = when > now ? (uint64_t)(when - now) * 1000 : 0;
	return 0;
}

int retry_parse_delay(const char *text, uint64_t *ret_ms)
{
	static const struct {
		const char *suffix;
		uint64_t factor;
	} units[] = { { "ms", 1 }, { "s", 1000 }, { "m", 60000 }, { "", 1000 } };
	char digits[24];
	size_t length = strspn(text, "0123456789");
	uint64_t number;
	int r;

	if (length == 0 || length >= sizeof(digits))
		return -EINVAL;
	memcpy(digits, text, length);
	digits[length] = '\0';
	r = number_parse_u64(digits, &number);
	if (r < 0)
		return r;
	for (size_t i = 0; i < array_count(units); i++) {
		if (strcmp(text + length, units[i].suffix) != 0)
			continue;
		if (__builtin_mul_overflow(number, units[i].factor, &number))
			return -ERANGE;
		*ret_ms = number;
		return 0;
	}
	return -EINVAL;
}

bool retry_wait(uint64_t delay_ms, const atomic_bool *cancel)
{
	while (delay_ms > 0) {
		uint64_t step = delay_ms < CANCEL_CHECK_MS ? delay_ms : CANCEL_CHECK_MS;
		struct timespec pause = { 0, (long)step * 1000000 };

		if (cancel && atomic_load(cancel))
			return false;
		while (nanosleep(&pause, &pause) < 0 && errno == EINTR)
			;
		delay_ms -= step;
	}
	return !cancel || !atomic_load(cancel);
}
