/* SPDX-License-Identifier: Apache-2.0 */
/* The credentials a process believes it has, and the rules by which it may change them
 * (credentials(7), capabilities(7); kernel/sys.c, security/commoncap.c). Pure: the caller keeps the
 * struct where it wants. All changes return 0 or -EPERM / -EINVAL and leave the struct alone then.
 */
#ifndef ROOTEMU_CREDS_H
#define ROOTEMU_CREDS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define CREDS_GROUPS_MAX 1024
#define CREDS_KEEP	 0xffffffffu /* -1 in setre*id and setres*id */
#define CREDS_ALL_CAPS	 0x1ffffffffffull

struct creds_ids {
	uint32_t real, effective, saved, file_system;
};

struct creds_caps {
	uint64_t effective, permitted, inheritable, bounding, ambient;
};

struct creds {
	struct creds_ids user;
	struct creds_ids group;
	struct creds_caps caps;
	uint32_t securebits; /* capabilities(7), "The securebits flags"; bit 4 is KEEP_CAPS */
	uint32_t group_count;
	uint32_t groups[CREDS_GROUPS_MAX];
};

/* Root with every capability and the one supplementary group 0. */
void creds_init(struct creds *creds);
/* Is it what creds_init made? */
bool creds_is_initial(const struct creds *creds);
bool creds_may(const struct creds *creds, unsigned capability);
/* In SCM_CREDENTIALS (unix(7); net/core/scm.c, scm_check_creds); whose the process id is the kernel
 * judges. */
bool creds_may_claim(const struct creds *creds, uint32_t uid, uint32_t gid);
/* Is the group among the file system group and the supplementary ones? */
bool creds_in_group(const struct creds *creds, uint32_t gid);

int creds_setuid(struct creds *creds, uint32_t uid);
int creds_setreuid(struct creds *creds, uint32_t real, uint32_t effective);
int creds_setresuid(struct creds *creds, uint32_t real, uint32_t effective, uint32_t saved);
uint32_t creds_setfsuid(struct creds *creds, uint32_t uid); /* returns the old one, always */
int creds_setgid(struct creds *creds, uint32_t gid);
int creds_setregid(struct creds *creds, uint32_t real, uint32_t effective);
int creds_setresgid(struct creds *creds, uint32_t real, uint32_t effective, uint32_t saved);
uint32_t creds_setfsgid(struct creds *creds, uint32_t gid);
int creds_setgroups(struct creds *creds, const uint32_t *groups, size_t count);
int creds_capset(struct creds *creds, uint64_t effective, uint64_t permitted, uint64_t inheritable);
/* prctl(2) options about credentials; creds_prctl is only for those it knows. */
bool creds_prctl_knows(unsigned long option);
long creds_prctl(struct creds *creds, unsigned long option, unsigned long a, unsigned long b);

/* execve of a file with these ids; CREDS_KEEP where it has no set-id bit. Returns whether the new
 * program must distrust its environment (AT_SECURE). */
bool creds_exec(struct creds *creds, uint32_t setuid_to, uint32_t setgid_to);

/* As text without blanks for creds_parse; at most CREDS_TEXT_MAX bytes with the NUL. */
#define CREDS_TEXT_MAX (CREDS_GROUPS_MAX * 9 + 256)
size_t creds_print(const struct creds *creds, char *text);
/* Returns the end of what was read, or NULL. */
const char *creds_parse(struct creds *creds, const char *text);

#endif
