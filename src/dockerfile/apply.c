// SPDX-License-Identifier: Apache-2.0
/* What a step, once carried out, leaves in the image's config and in the environment of the steps
 * after it. */
#include <string.h>

#include "base/map.h"
#include "dockerfile/eval.h"

static void set_list(struct strings *list, const struct texts *texts)
{
	strings_clear(list);
	for (size_t i = 0; i < texts->count; i++)
		strings_add(list, texts->item[i]);
}

/* Add what is not there yet; EXPOSE 0-65535 is allowed, so not by looking through the list. */
static void add_to_set(struct strings *set, const struct texts *texts)
{
	static char present[] = "";
	auto_map known = { 0 };

	strings_each(set, text)
		map_set(&known, text, present);
	for (size_t i = 0; i < texts->count; i++) {
		if (map_get(&known, texts->item[i]))
			continue;
		map_set(&known, texts->item[i], present);
		strings_add(set, texts->item[i]);
	}
}

static void apply_env(struct evaluation *evaluation, const struct settings *settings)
{
	for (size_t i = 0; i < settings->count; i++) {
		const struct setting *setting = &settings->item[i];

		strings_env_set(&evaluation->config->env, setting->name, setting->value);
		environment_set(&evaluation->environment, setting->name, setting->value);
	}
}

static void apply_labels(struct config *config, const struct settings *settings)
{
	for (size_t i = 0; i < settings->count; i++)
		strings_env_set(&config->labels, settings->item[i].name, settings->item[i].value);
}

static void declare(struct evaluation *evaluation, const char *name)
{
	for (size_t i = 0; i < evaluation->arguments.count; i++)
		if (!strcmp(evaluation->arguments.item[i], name))
			return;
	texts_add(evaluation->arena, &evaluation->arguments, arena_copy(evaluation->arena, name));
}

static void apply_arguments(struct evaluation *evaluation, const struct settings *settings)
{
	for (size_t i = 0; i < settings->count; i++) {
		const struct setting *setting = &settings->item[i];

		declare(evaluation, setting->name);
		if (setting->value)
			environment_set(&evaluation->environment, setting->name, setting->value);
	}
}

static void apply_health(struct config *config, const struct step_health *health)
{
	struct healthcheck *check = &config->healthcheck;

	set_list(&check->test, &health->test);
	check->interval_ns = health->interval_ns;
	check->timeout_ns = health->timeout_ns;
	check->start_period_ns = health->start_period_ns;
	check->start_interval_ns = health->start_interval_ns;
	check->retries = health->retries;
}

/* A new ENTRYPOINT makes nothing of a CMD that was meant for the base's. */
static void apply_entrypoint(struct evaluation *evaluation, const struct texts *texts)
{
	set_list(&evaluation->config->entrypoint, texts);
	if (!evaluation->sets_cmd)
		strings_clear(&evaluation->config->cmd);
}

void evaluation_apply(struct evaluation *evaluation, const struct step *step)
{
	struct config *config = evaluation->config;

	switch (step->kind) {
	case INSTRUCTION_ARG:
		apply_arguments(evaluation, &step->settings);
		break;
	case INSTRUCTION_CMD:
		set_list(&config->cmd, &step->texts);
		evaluation->sets_cmd = true;
		break;
	case INSTRUCTION_ENTRYPOINT:
		apply_entrypoint(evaluation, &step->texts);
		break;
	case INSTRUCTION_ENV:
		apply_env(evaluation, &step->settings);
		break;
	case INSTRUCTION_EXPOSE:
		add_to_set(&config->exposed_ports, &step->texts);
		break;
	case INSTRUCTION_HEALTHCHECK:
		apply_health(config, &step->health);
		break;
	case INSTRUCTION_LABEL:
		apply_labels(config, &step->settings);
		break;
	case INSTRUCTION_MAINTAINER:
		config_set(&config->author, step->text);
		break;
	case INSTRUCTION_ONBUILD:
		strings_add(&config->on_build, step->text);
		break;
	case INSTRUCTION_SHELL:
		set_list(&config->shell, &step->texts);
		break;
	case INSTRUCTION_STOPSIGNAL:
		config_set(&config->stop_signal, step->text);
		break;
	case INSTRUCTION_USER:
		config_set(&config->user, step->text);
		break;
	case INSTRUCTION_VOLUME:
		add_to_set(&config->volumes, &step->texts);
		break;
	case INSTRUCTION_WORKDIR:
		config_set(&config->working_dir, step->text);
		break;
	default: /* ADD, COPY and RUN change files, not the config */
		break;
	}
}
