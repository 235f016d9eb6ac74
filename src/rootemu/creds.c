// SPDX-License-Identifier: Apache-2.0
#include "rootemu/creds.h"

#include <errno.h>
#include <linux/capability.h>
#include <linux/prctl.h>
#include <linux/securebits.h>
#include <string.h>

#define BIT(capability) (1ull << (capability))

/* What follows the file system user id (include/linux/capability.h, CAP_FS_SET). */
#define FILE_CAPS                                                                             \
	(BIT(CAP_CHOWN) | BIT(CAP_MKNOD) | BIT(CAP_DAC_OVERRIDE) | BIT(CAP_DAC_READ_SEARCH) | \
	 BIT(CAP_FOWNER) | BIT(CAP_FSETID) | BIT(CAP_LINUX_IMMUTABLE) | BIT(CAP_MAC_OVERRIDE))

void creds_init(struct creds *creds)
{
	memset(creds, 0, offsetof(struct creds, groups));
	creds->caps.effective = CREDS_ALL_CAPS;
	creds->caps.permitted = CREDS_ALL_CAPS;
	creds->caps.bounding = CREDS_ALL_CAPS;
	creds->group_count = 1;
	creds->groups[0] = 0;
}

bool creds_is_initial(const struct creds *creds)
{
	static const struct creds_ids root;
	static const struct creds_caps caps = { CREDS_ALL_CAPS, CREDS_ALL_CAPS, 0, CREDS_ALL_CAPS,
						0 };

	return memcmp(&creds->user, &root, sizeof(root)) == 0 &&
	       memcmp(&creds->group, &root, sizeof(root)) == 0 &&
	       memcmp(&creds->caps, &caps, sizeof(caps)) == 0 && creds->securebits == 0 &&
	       creds->group_count == 1 && creds->groups[0] == 0;
}

bool creds_may(const struct creds *creds, unsigned capability)
{
	return capability < 64 && (creds->caps.effective & BIT(capability));
}

bool creds_in_group(const struct creds *creds, uint32_t gid)
{
	if (creds->group.file_system == gid)
		return true;
	for (uint32_t i = 0; i < creds->group_count; i++)
		if (creds->groups[i] == gid)
			return true;
	return false;
}

static bool is_one_of(const struct creds_ids *ids, uint32_t id)
{
	return id == CREDS_KEEP || id == ids->real || id == ids->effective || id == ids->saved;
}

bool creds_may_claim(const struct creds *creds, uint32_t uid, uint32_t gid)
{
	return uid != CREDS_KEEP && gid != CREDS_KEEP &&
	       (is_one_of(&creds->user, uid) || creds_may(creds, CAP_SETUID)) &&
	       (is_one_of(&creds->group, gid) || creds_may(creds, CAP_SETGID));
}

static bool any_root(const struct creds_ids *ids)
{
	return ids->real == 0 || ids->effective == 0 || ids->saved == 0;
}

/* capabilities(7), "Effect of user ID changes on capabilities". */
static void follow_user_change(struct creds *creds, const struct creds_ids *old)
{
	const struct creds_ids *new = &creds->user;
	struct creds_caps *caps = &creds->caps;

	if (creds->securebits & issecure_mask(SECURE_NO_SETUID_FIXUP))
		return;
	if (any_root(old) && !any_root(new)) {
		if (!(creds->securebits & issecure_mask(SECURE_KEEP_CAPS))) {
			caps->permitted = 0;
			caps->effective = 0;
		}
		caps->ambient = 0;
	}
	if (old->effective == 0 && new->effective != 0)
		caps->effective = 0;
	if (old->effective != 0 && new->effective == 0)
		caps->effective = caps->permitted;
}

static void follow_fsuid_change(struct creds *creds, uint32_t old)
{
	struct creds_caps *caps = &creds->caps;

	if (creds->securebits & issecure_mask(SECURE_NO_SETUID_FIXUP))
		return;
	if (old == 0 && creds->user.file_system != 0)
		caps->effective &= ~FILE_CAPS;
	if (old != 0 && creds->user.file_system == 0)
		caps->effective |= FILE_CAPS & caps->permitted;
}

static int set_one(struct creds_ids *ids, bool privileged, uint32_t id)
{
	if (id == CREDS_KEEP)
		return -EINVAL;
	if (privileged)
		ids->real = ids->saved = id;
	else if (id != ids->real && id != ids->saved)
		return -EPERM;
	ids->effective = ids->file_system = id;
	return 0;
}

static int set_two(struct creds_ids *ids, bool privileged, uint32_t real, uint32_t effective)
{
	struct creds_ids new = *ids;

	if (!privileged && real != CREDS_KEEP && real != ids->real && real != ids->effective)
		return -EPERM;
	if (!privileged && !is_one_of(ids, effective))
		return -EPERM;
	if (real != CREDS_KEEP)
		new.real = real;
	if (effective != CREDS_KEEP)
		new.effective = effective;
	if (real != CREDS_KEEP || (effective != CREDS_KEEP && effective != ids->real))
		new.saved = new.effective;
	new.file_system = new.effective;
	*ids = new;
	return 0;
}

static int set_three(struct creds_ids *ids, bool privileged, uint32_t real, uint32_t effective,
		     uint32_t saved)
{
	if (!privileged &&
	    !(is_one_of(ids, real) && is_one_of(ids, effective) && is_one_of(ids, saved)))
		return -EPERM;
	if (real != CREDS_KEEP)
		ids->real = real;
	if (effective != CREDS_KEEP)
		ids->effective = effective;
	if (saved != CREDS_KEEP)
		ids->saved = saved;
	ids->file_system = ids->effective;
	return 0;
}

int creds_setuid(struct creds *creds, uint32_t uid)
{
	struct creds_ids old = creds->user;
	int r = set_one(&creds->user, creds_may(creds, CAP_SETUID), uid);

	if (r == 0)
		follow_user_change(creds, &old);
	return r;
}

int creds_setreuid(struct creds *creds, uint32_t real, uint32_t effective)
{
	struct creds_ids old = creds->user;
	int r = set_two(&creds->user, creds_may(creds, CAP_SETUID), real, effective);

	if (r == 0)
		follow_user_change(creds, &old);
	return r;
}

int creds_setresuid(struct creds *creds, uint32_t real, uint32_t effective, uint32_t saved)
{
	struct creds_ids old = creds->user;
	int r = set_three(&creds->user, creds_may(creds, CAP_SETUID), real, effective, saved);

	if (r == 0)
		follow_user_change(creds, &old);
	return r;
}

static bool set_fs(struct creds_ids *ids, bool privileged, uint32_t id)
{
	if (id == CREDS_KEEP || !(privileged || is_one_of(ids, id) || id == ids->file_system))
		return false;
	ids->file_system = id;
	return true;
}

uint32_t creds_setfsuid(struct creds *creds, uint32_t uid)
{
	uint32_t old = creds->user.file_system;

	if (set_fs(&creds->user, creds_may(creds, CAP_SETUID), uid))
		follow_fsuid_change(creds, old);
	return old;
}

int creds_setgid(struct creds *creds, uint32_t gid)
{
	return set_one(&creds->group, creds_may(creds, CAP_SETGID), gid);
}

int creds_setregid(struct creds *creds, uint32_t real, uint32_t effective)
{
	return set_two(&creds->group, creds_may(creds, CAP_SETGID), real, effective);
}

int creds_setresgid(struct creds *creds, uint32_t real, uint32_t effective, uint32_t saved)
{
	return set_three(&creds->group, creds_may(creds, CAP_SETGID), real, effective, saved);
}

uint32_t creds_setfsgid(struct creds *creds, uint32_t gid)
{
	uint32_t old = creds->group.file_system;

	set_fs(&creds->group, creds_may(creds, CAP_SETGID), gid);
	return old;
}

int creds_setgroups(struct creds *creds, const uint32_t *groups, size_t count)
{
	if (!creds_may(creds, CAP_SETGID))
		return -EPERM;
	if (count > CREDS_GROUPS_MAX)
		return -EINVAL;
	memcpy(creds->groups, groups, count * sizeof(*groups));
	creds->group_count = (uint32_t)count;
	return 0;
}

/* capabilities(7), "Programmatically adjusting capability sets"; security/commoncap.c cap_capset */
int creds_capset(struct creds *creds, uint64_t effective, uint64_t permitted, uint64_t inheritable)
{
	struct creds_caps *caps = &creds->caps;

	if (!creds_may(creds, CAP_SETPCAP) &&
	    (inheritable & ~(caps->inheritable | caps->permitted)))
		return -EPERM;
	if (inheritable & ~(caps->inheritable | caps->bounding))
		return -EPERM;
	if ((permitted & ~caps->permitted) || (effective & ~permitted))
		return -EPERM;
	caps->effective = effective;
	caps->permitted = permitted;
	caps->inheritable = inheritable;
	caps->ambient &= permitted & inheritable;
	return 0;
}

static long ambient(struct creds *creds, unsigned long what, unsigned long capability)
{
	struct creds_caps *caps = &creds->caps;
	uint64_t bit = capability < 64 ? BIT(capability) : 0;

	if (what == PR_CAP_AMBIENT_CLEAR_ALL) {
		caps->ambient = 0;
		return 0;
	}
	if (!(bit & CREDS_ALL_CAPS))
		return -EINVAL;
	switch (what) {
	case PR_CAP_AMBIENT_IS_SET:
		return (caps->ambient & bit) != 0;
	case PR_CAP_AMBIENT_LOWER:
		caps->ambient &= ~bit;
		return 0;
	case PR_CAP_AMBIENT_RAISE:
		if (!(caps->permitted & caps->inheritable & bit) ||
		    (creds->securebits & issecure_mask(SECURE_NO_CAP_AMBIENT_RAISE)))
			return -EPERM;
		caps->ambient |= bit;
		return 0;
	default:
		return -EINVAL;
	}
}

static long set_securebits(struct creds *creds, unsigned long bits)
{
	uint32_t locked = (creds->securebits & SECURE_ALL_LOCKS) >> 1;

	if (((creds->securebits ^ bits) & locked) ||
	    (creds->securebits & SECURE_ALL_LOCKS & ~bits) ||
	    (bits & ~(unsigned long)(SECURE_ALL_LOCKS | SECURE_ALL_BITS)) ||
	    !creds_may(creds, CAP_SETPCAP))
		return -EPERM;
	creds->securebits = (uint32_t)bits;
	return 0;
}

static long keep_caps(struct creds *creds, unsigned long on)
{
	if (on > 1)
		return -EINVAL;
	if (creds->securebits & issecure_mask(SECURE_KEEP_CAPS_LOCKED))
		return -EPERM;
	creds->securebits &= ~(uint32_t)issecure_mask(SECURE_KEEP_CAPS);
	if (on)
		creds->securebits |= issecure_mask(SECURE_KEEP_CAPS);
	return 0;
}

static long bounding(struct creds *creds, bool drop, unsigned long capability)
{
	uint64_t bit = capability < 64 ? BIT(capability) & CREDS_ALL_CAPS : 0;

	if (!bit)
		return -EINVAL;
	if (!drop)
		return (creds->caps.bounding & bit) != 0;
	if (!creds_may(creds, CAP_SETPCAP))
		return -EPERM;
	creds->caps.bounding &= ~bit;
	return 0;
}

bool creds_prctl_knows(unsigned long option)
{
	return option == PR_CAPBSET_READ || option == PR_CAPBSET_DROP ||
	       option == PR_GET_KEEPCAPS || option == PR_SET_KEEPCAPS ||
	       option == PR_GET_SECUREBITS || option == PR_SET_SECUREBITS ||
	       option == PR_CAP_AMBIENT;
}

long creds_prctl(struct creds *creds, unsigned long option, unsigned long a, unsigned long b)
{
	switch (option) {
	case PR_CAPBSET_READ:
		return bounding(creds, false, a);
	case PR_CAPBSET_DROP:
		return bounding(creds, true, a);
	case PR_GET_KEEPCAPS:
		return (creds->securebits & issecure_mask(SECURE_KEEP_CAPS)) != 0;
	case PR_SET_KEEPCAPS:
		return keep_caps(creds, a);
	case PR_GET_SECUREBITS:
		return creds->securebits;
	case PR_SET_SECUREBITS:
		return set_securebits(creds, a);
	case PR_CAP_AMBIENT:
		return ambient(creds, a, b);
	default:
		return -EINVAL;
	}
}

bool creds_exec(struct creds *creds, uint32_t setuid_to, uint32_t setgid_to)
{
	struct creds_caps *caps = &creds->caps;
	bool has_file_ids = setuid_to != CREDS_KEEP || setgid_to != CREDS_KEEP;
	bool by_root = !(creds->securebits & issecure_mask(SECURE_NOROOT));

	if (setuid_to != CREDS_KEEP)
		creds->user.effective = setuid_to;
	if (setgid_to != CREDS_KEEP)
		creds->group.effective = setgid_to;
	creds->user.saved = creds->user.file_system = creds->user.effective;
	creds->group.saved = creds->group.file_system = creds->group.effective;
	if (has_file_ids)
		caps->ambient = 0;
	caps->permitted = caps->ambient;
	if (by_root && (creds->user.effective == 0 || creds->user.real == 0))
		caps->permitted = caps->inheritable | caps->bounding;
	caps->effective = by_root && creds->user.effective == 0 ? caps->permitted : caps->ambient;
	creds->securebits &= ~(uint32_t)issecure_mask(SECURE_KEEP_CAPS);
	return creds->user.effective != creds->user.real ||
	       creds->group.effective != creds->group.real;
}

/* Text: twelve words and then the groups, in hexadecimal, each followed by ':'. */
static char *print_word(char *at, uint64_t word)
{
	char digits[16];
	size_t count = 0;

	do {
		digits[count++] = "0123456789abcdef"[word & 15];
		word >>= 4;
	} while (word);
	while (count)
		*at++ = digits[--count];
	*at++ = ':';
	return at;
}

static const char *parse_word(const char *at, uint64_t *ret_word)
{
	uint64_t word = 0;

	if (!at)
		return NULL;
	for (; *at && *at != ':'; at++) {
		unsigned digit = *at >= 'a' ? (unsigned)(*at - 'a') + 10 : (unsigned)(*at - '0');

		if (digit > 15)
			return NULL;
		word = word << 4 | digit;
	}
	*ret_word = word;
	return *at == ':' ? at + 1 : NULL;
}

static char *print_ids(char *at, const struct creds_ids *ids)
{
	at = print_word(at, ids->real);
	at = print_word(at, ids->effective);
	at = print_word(at, ids->saved);
	return print_word(at, ids->file_system);
}

size_t creds_print(const struct creds *creds, char *text)
{
	char *at = print_ids(text, &creds->user);

	at = print_ids(at, &creds->group);
	at = print_word(at, creds->caps.effective);
	at = print_word(at, creds->caps.permitted);
	at = print_word(at, creds->caps.inheritable);
	at = print_word(at, creds->caps.bounding);
	at = print_word(at, creds->caps.ambient);
	at = print_word(at, creds->securebits);
	at = print_word(at, creds->group_count);
	for (uint32_t i = 0; i < creds->group_count; i++)
		at = print_word(at, creds->groups[i]);
	*at = '\0';
	return (size_t)(at - text);
}

static const char *parse_id(const char *at, uint32_t *ret_id)
{
	uint64_t word = 0;

	at = parse_word(at, &word);
	*ret_id = (uint32_t)word;
	return at;
}

static const char *parse_ids(const char *at, struct creds_ids *ids)
{
	at = parse_id(at, &ids->real);
	at = parse_id(at, &ids->effective);
	at = parse_id(at, &ids->saved);
	return parse_id(at, &ids->file_system);
}

const char *creds_parse(struct creds *creds, const char *text)
{
	const char *at = parse_ids(text, &creds->user);

	at = parse_ids(at, &creds->group);
	at = parse_word(at, &creds->caps.effective);
	at = parse_word(at, &creds->caps.permitted);
	at = parse_word(at, &creds->caps.inheritable);
	at = parse_word(at, &creds->caps.bounding);
	at = parse_word(at, &creds->caps.ambient);
	at = parse_id(at, &creds->securebits);
	at = parse_id(at, &creds->group_count);
	if (!at || creds->group_count > CREDS_GROUPS_MAX)
		return NULL;
	for (uint32_t i = 0; i < creds->group_count; i++)
		at = parse_id(at, &creds->groups[i]);
	return at;
}
