/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * power_off FOLDER: the file system of FOLDER stops as in a power cut (nothing that was
 * not flushed reaches the disk, nothing more is written). Never on anything but a file
 * system that a test made for it.
 */
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/ioctl.h>
#include <unistd.h>

#define FS_IOC_SHUTDOWN _IOR('X', 125, uint32_t)
#define WITHOUT_FLUSHING_THE_LOG 2u

int main(int argc, char **argv)
{
	uint32_t how = WITHOUT_FLUSHING_THE_LOG;
	int fd = argc == 2 ? open(argv[1], O_RDONLY | O_DIRECTORY | O_CLOEXEC) : -1;

	if (fd >= 0 && ioctl(fd, FS_IOC_SHUTDOWN, &how) == 0)
		return 0;
	perror("power_off");
	return 1;
}
