// SPDX-License-Identifier: Apache-2.0
#include "engine/confine.h"

#include <sys/prctl.h>
#include <sys/resource.h>

#include "base/banned.h"
#include "sys/seccomp.h"

/* An ordinary user's hard limits can only be lowered. */
static int explain(const struct limit *limit, struct err *err)
{
	int error = errno;
	struct rlimit now;

	fail(err, error, "limit '%s'", limit_name(limit));
	if (error == EPERM && getrlimit(limit->resource, &now) == 0)
		err_hint(err,
			 "the caller's hard limit is %llu (ulimit -H), and only an administrator "
			 "can raise it",
			 (unsigned long long)now.rlim_max);
	return -error;
}

static int set_limits(const struct limits *limits, struct err *err)
{
	for (size_t i = 0; i < limits->count; i++) {
		const struct limit *limit = &limits->item[i];
		struct rlimit value = { .rlim_cur = limit->soft, .rlim_max = limit->hard };

		if (setrlimit(limit->resource, &value) < 0)
			return explain(limit, err);
	}
	return 0;
}

/* From the bounding set: execve(2) gives root what is in it, and nobody can get more later. */
static int drop_capabilities(uint64_t set, struct err *err)
{
	for (unsigned number = 0; number < 64 && set; number++) {
		if (!(set >> number & 1))
			continue;
		if (prctl(PR_CAPBSET_READ, number, 0, 0, 0) < 0)
			break; /* the kernel has no more */
		if (prctl(PR_CAPBSET_DROP, number, 0, 0, 0) < 0)
			return fail(err, errno, "drop capability %u", number);
	}
	return 0;
}

int confine(const struct box *box, struct err *err)
{
	int r = set_limits(&box->limits, err);

	if (r == 0)
		r = drop_capabilities(box->drop_capabilities, err);
	if (r == 0 && box->seccomp)
		r = seccomp_load(box->seccomp, box->seccomp_count, err);
	return r;
}
