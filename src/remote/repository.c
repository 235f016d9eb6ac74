// SPDX-License-Identifier: Apache-2.0
#include "remote/repository.h"

#include <string.h>

#include "base/banned.h"
#include "base/log.h"

int repository_open(const struct remote *remote, const struct ref *ref,
		    struct repository *ret_repository, struct err *err)
{
	struct repository repository = { .remote = remote };
	int r = registries_pull(&remote->registries, ref, repository.endpoint, &repository.count,
				err);

	if (r < 0)
		return r;
	*ret_repository = repository;
	pthread_mutex_init(&ret_repository->lock, NULL);
	return 0;
}

void repository_done(struct repository *repository)
{
	for (size_t i = 0; i < repository->count; i++)
		registry_free(repository->registry[i]);
	pthread_mutex_destroy(&repository->lock);
	*repository = (struct repository){ 0 };
}

bool repository_may_ask_next(int r)
{
	return r != -ECANCELED && r != -ENOSPC && r != -EDQUOT && r != -EROFS;
}

int repository_server(struct repository *repository, size_t index, struct registry **ret_registry,
		      const char **ret_name, struct err *err)
{
	int r = 0;

	pthread_mutex_lock(&repository->lock);
	if (!repository->registry[index])
		r = registry_open(repository->remote, &repository->endpoint[index], NULL,
				  &repository->registry[index], err);
	pthread_mutex_unlock(&repository->lock);
	if (r < 0)
		return r;
	*ret_registry = repository->registry[index];
	*ret_name = repository->endpoint[index].ref.name;
	return 0;
}

static const char *reference_of(const struct ref *ref)
{
	return digest_is_none(&ref->digest) ? ref->tag : ref->digest.text;
}

/* Ask one server after the other; `ask` returns 0 when it has its answer. */
struct question {
	int (*ask)(struct registry *registry, const struct ref *there, void *answer,
		   struct err *err);
	void *answer;
};

static int ask_server(struct repository *repository, size_t index, const struct question *question,
		      struct err *err)
{
	struct registry *registry;
	const char *name;
	int r = repository_server(repository, index, &registry, &name, err);

	if (r < 0)
		return r;
	return question->ask(registry, &repository->endpoint[index].ref, question->answer, err);
}

static int ask_in_order(struct repository *repository, const struct question *question,
			struct err *err)
{
	auto_buf before = { 0 };
	int r = -ENOENT;

	for (size_t i = repository->first; i < repository->count; i++) {
		r = ask_server(repository, i, question, err);
		if (r >= 0) {
			repository->first = i;
			return r;
		}
		if (i + 1 == repository->count || !repository_may_ask_next(r))
			break;
		log_verbose("mirror failed: %s", err->text);
		buf_printf(&before, "; before that: %s", err->text);
		err_clear(err);
	}
	err_append(err, "%s", buf_text(&before));
	return r;
}

struct manifest_answer {
	struct buf *bytes;
	struct digest *digest;
	char **media_type;
};

static int ask_manifest(struct registry *registry, const struct ref *there, void *answer,
			struct err *err)
{
	struct manifest_answer *manifest = answer;

	return registry_get_manifest(registry, there->name, reference_of(there), manifest->bytes,
				     manifest->digest, manifest->media_type, err);
}

int repository_resolve(struct repository *repository, struct buf *bytes, struct digest *ret_digest,
		       char **ret_media_type, struct err *err)
{
	struct manifest_answer answer = { bytes, ret_digest, ret_media_type };

	return ask_in_order(repository, &(struct question){ ask_manifest, &answer }, err);
}

static int ask_head(struct registry *registry, const struct ref *there, void *answer,
		    struct err *err)
{
	return registry_head_manifest(registry, there->name, reference_of(there), answer, err);
}

int repository_head(struct repository *repository, struct digest *ret_digest, struct err *err)
{
	return ask_in_order(repository, &(struct question){ ask_head, ret_digest }, err);
}

struct part_answer {
	const struct descriptor *descriptor;
	struct buf *bytes;
};

static int ask_part(struct registry *registry, const struct ref *there, void *answer,
		    struct err *err)
{
	const struct part_answer *part = answer;
	auto_free char *media_type = NULL;
	auto_buf bytes = { 0 };
	struct digest digest;
	int r;

	r = registry_get_manifest(registry, there->name, part->descriptor->digest.text, &bytes,
				  &digest, &media_type, err);
	if (r < 0)
		return r;
	if (bytes.size_bytes != part->descriptor->size_bytes)
		return fail_plain(err, EUCLEAN,
				  "registry '%s': manifest '%s' has %zu bytes, not the %llu of the "
				  "index",
				  registry_host(registry), digest.text, bytes.size_bytes,
				  (unsigned long long)part->descriptor->size_bytes);
	buf_add(part->bytes, bytes.bytes, bytes.size_bytes);
	return 0;
}

int repository_get_manifest(struct repository *repository, const struct descriptor *descriptor,
			    struct buf *bytes, struct err *err)
{
	struct part_answer answer = { descriptor, bytes };
	size_t first = repository->first;
	int r = ask_in_order(repository, &(struct question){ ask_part, &answer }, err);

	repository->first = first; /* one that lacks a part is still the first for the others */
	return r;
}
