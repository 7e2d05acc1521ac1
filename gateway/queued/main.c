/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * sealgate-queued: the one owner of the database: states, storage, audit chain. It never
 * looks into a document.
 */
#include "queued/service.h"

int main(int argc, char **argv)
{
	return queued_main(argc, argv);
}
