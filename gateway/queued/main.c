/* SPDX-License-Identifier: EUPL-1.2 */
#include "queued/service.h"

int main(int argc, char **argv)
{
	return queued_main(argc, argv);
}
