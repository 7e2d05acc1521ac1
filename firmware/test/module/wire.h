/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * The way of the tests' module to its peer: a library of its own, as vendors have them;
 * never part of an image with keys that are not thrown away.
 */
#ifndef SEALGATE_TEST_WIRE_H
#define SEALGATE_TEST_WIRE_H

#include <stdbool.h>

/* Ask the peer that the settings name for leave to do something. It answers within two
 * seconds, or it is away. Where they name a device that can be opened is leave. Return: did
 * it say yes? */
bool wire_ask(const char *what);

#endif
