// SPDX-License-Identifier: Apache-2.0
/* What should not travel: keys, tokens and passwords, known by the names of the files in which
 * programs keep them, by what private keys begin with, and by the names of variables. */
#include <fnmatch.h>
#include <string.h>
#include <sys/stat.h>

#include "base/banned.h"
#include "flow/pack.h"

#define LISTED_MAX	 12
#define KEY_BYTES_MAX	 ((size_t)64 * 1024) /* larger files are no keys */
#define SHADOW_BYTES_MAX ((size_t)4 << 20)

/* FNM_PATHNAME is off: a '*' goes over folders. Most paths have nothing hidden, and are not
 * compared with these. */
#define HIDDEN "/."
static const char *const hidden_names[] = {
	"*/.ssh/id_*",
	"*/.netrc",
	"*/.pgpass",
	"*/.my.cnf",
	"*/.git-credentials",
	"*/.vault-token",
	"*/.aws/credentials",
	"*/.azure/*token*",
	"*/.config/gcloud/*credentials*",
	"*/.config/gh/hosts.yml",
	"*/.config/containers/auth.json",
	"*/.docker/config.json",
	"*/.dockercfg",
	"*/.kube/config",
	"*/.gnupg/private-keys-v1.d/*",
	"*/.gnupg/secring.gpg",
	"*/.pypirc",
	"*/.cargo/credentials*",
	"*/.config/rclone/rclone.conf",
	"*/.env",
};
static const char *const names[] = {
	"*.keytab",
	"*/etc/ssh/ssh_host_*_key",
	"*/etc/munge/munge.key",
};
/* Files that may hold a private key. */
static const char *const key_names[] = { "*.pem",      "*.key",	       "*/id_rsa", "*/id_dsa",
					 "*/id_ecdsa", "*/id_ed25519", "*.p8" };
static const char *const variables[] = { "*TOKEN*",	  "*SECRET*",	  "*PASSWORD*",
					 "*PASSWD*",	  "*API_KEY*",	  "*APIKEY*",
					 "*PRIVATE_KEY*", "*CREDENTIAL*", "*_PASS",
					 "*ACCESS_KEY*" };

static bool matches(const char *const *globs, size_t count, const char *text, int flags)
{
	for (size_t i = 0; i < count; i++)
		if (fnmatch(globs[i], text, flags) == 0)
			return true;
	return false;
}

static bool is_allowed(const struct pack *pack, const char *what)
{
	strings_each(&pack->request->allow_secrets, glob) {
		if (fnmatch(glob, what, 0) == 0)
			return true;
	}
	return false;
}

/* --- files --- */

/* Public halves and examples for tests lie about everywhere under names of keys. */
static bool holds_private_key(const struct pack *pack, const struct tree_entry *entry)
{
	auto_buf text = { 0 };
	const char *begin;

	if (entry->size_bytes > KEY_BYTES_MAX ||
	    pack_read_file(pack, entry, KEY_BYTES_MAX, &text, NULL) < 0)
		return false;
	begin = strstr(buf_text(&text), "-----BEGIN ");
	return begin && strstr(begin, "PRIVATE KEY-----");
}

/* The test keys of libraries are everybody's. */
static bool is_of_library(const char *path)
{
	return text_starts(path, "/usr/share/") || text_starts(path, "/usr/lib/") ||
	       strstr(path, "/site-packages/") || strstr(path, "/test") || strstr(path, "/doc/");
}

static bool has_password_hash(const struct pack *pack, const struct tree_entry *entry)
{
	auto_buf text = { 0 };

	return pack_read_file(pack, entry, SHADOW_BYTES_MAX, &text, NULL) == 0 &&
	       strstr(buf_text(&text), ":$");
}

static bool is_secret(const struct pack *pack, const struct tree_entry *entry, const char *path)
{
	if (!S_ISREG(entry->mode) || entry->size_bytes == 0)
		return false;
	if (strstr(path, HIDDEN) && matches(hidden_names, array_count(hidden_names), path, 0) &&
	    !text_ends(path, ".pub"))
		return true;
	if (matches(names, array_count(names), path, 0))
		return true;
	if (strcmp(path, "/etc/shadow") == 0 || strcmp(path, "/etc/shadow-") == 0)
		return has_password_hash(pack, entry);
	return matches(key_names, array_count(key_names), path, 0) && !is_of_library(path) &&
	       holds_private_key(pack, entry);
}

static void find_files(const struct pack *pack, struct strings *found)
{
	auto_buf path = { 0 };

	for (size_t i = 0; i < pack->tree.count; i++) {
		buf_truncate(&path, 0);
		buf_printf(&path, "/%s", pack->tree.item[i].path);
		if (is_secret(pack, &pack->tree.item[i], path.bytes) &&
		    !is_allowed(pack, path.bytes))
			strings_add(found, path.bytes);
	}
}

/* --- variables --- */

static void find_variables(const struct pack *pack, struct strings *found)
{
	strings_each(&pack->config.env, entry) {
		auto_buf name = { 0 };
		size_t length = strcspn(entry, "=");

		buf_add(&name, entry, length);
		if (entry[length] && entry[length + 1] &&
		    matches(variables, array_count(variables), buf_text(&name), FNM_CASEFOLD) &&
		    !is_allowed(pack, buf_text(&name)))
			strings_printf(found, "variable %s", buf_text(&name));
	}
}

int pack_refuse_secrets(struct pack *pack, struct err *err)
{
	auto_strings found = { 0 };

	find_files(pack, &found);
	find_variables(pack, &found);
	if (!found.count)
		return 0;
	fail_plain(err, EPERM, "what looks like a secret would go into the pack:");
	for (size_t i = 0; i < found.count && i < LISTED_MAX; i++)
		err_append(err, "%s %s", i ? "," : "", found.item[i]);
	if (found.count > LISTED_MAX)
		err_append(err, " and %zu more", found.count - LISTED_MAX);
	err_hint(err, "remove them, or say --allow-secret GLOB for what is meant to be there");
	return -EPERM;
}
