// SPDX-License-Identifier: Apache-2.0
#include "cmd/remote_opt.h"

#include <signal.h>
#include <string.h>

#include "base/banned.h"

#define RETRY_MAX      100
#define THREADS_MAX    64
#define TIMEOUT_MAX_MS 3600000

int remote_opt_settings(const struct remote_opt *opt, struct remote_settings *ret_settings,
			struct err *err)
{
	struct remote_settings settings = {
		.authfile = opt->authfile,
		.creds = opt->creds,
		.cert_dir = opt->cert_dir,
		.retry = { (unsigned)opt->retry, RETRY_DELAY_DEFAULT_MS },
	};

	if (opt->retry > RETRY_MAX)
		return fail_plain(err, ERANGE, "--retry: at most %d", RETRY_MAX);
	if (opt->threads > THREADS_MAX)
		return fail_plain(err, ERANGE, "--jobs: at most %d", THREADS_MAX);
	if (opt->tls_verify)
		settings.tls = strcmp(opt->tls_verify, "true") == 0 ? REMOTE_TLS_VERIFY
								    : REMOTE_TLS_ANY;
	if (opt->retry_delay && retry_parse_delay(opt->retry_delay, &settings.retry.delay_ms) < 0)
		return fail_plain(err, EINVAL, "--retry-delay: '%s' is no time such as 500ms or 2s",
				  opt->retry_delay);
	if (opt->timeout) {
		uint64_t ms;

		if (retry_parse_delay(opt->timeout, &ms) < 0 || ms < 1000 || ms > TIMEOUT_MAX_MS)
			return fail_plain(err, EINVAL, "--timeout: '%s' is no time from 1s to 60m",
					  opt->timeout);
		settings.stall_s = (unsigned)(ms / 1000);
	}
	signal(SIGPIPE, SIG_IGN);
	*ret_settings = settings;
	return 0;
}
