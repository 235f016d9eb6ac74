/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CMD_DOCTOR_H
#define CMD_DOCTOR_H

#include "cmd/opt.h"

extern const struct command command_doctor;

#endif
