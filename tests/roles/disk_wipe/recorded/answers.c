/* Answers the ioctl calls of nvme-cli and sg3_utils in place of a drive, for recording what they print.
 *
 * The drive's bytes come from the environment, in hex: LOG (log page), SENSE (data of REQUEST SENSE),
 * CHECK (sense data with which a SCSI command is refused); REFUSED is the NVMe status of Sanitize.
 * Every command that would erase is told on standard error in brackets. README.md has the values.
 */
#include <linux/nvme_ioctl.h>
#include <scsi/sg.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static int bytes(const char *name, uint8_t *into, int room)
{
	const char *hex = getenv(name);
	unsigned value;
	int count = 0;

	memset(into, 0, room);
	for (; hex && count < room && sscanf(hex, "%2x", &value) == 1; hex += 2)
		into[count++] = value;
	return count;
}

static int nvme(struct nvme_admin_cmd *cmd)
{
	const char *status = getenv("REFUSED");

	if (cmd->opcode == 0x02) /* Get Log Page */
		bytes("LOG", (uint8_t *)(uintptr_t)cmd->addr, cmd->data_len);
	if (cmd->opcode != 0x84) /* Sanitize */
		return 0;
	fprintf(stderr, "[cdw10=%x nsid=%x]\n", cmd->cdw10, cmd->nsid);
	return status ? strtol(status, NULL, 0) : 0;
}

static int scsi(sg_io_hdr_t *io)
{
	const char product[] = "HGST    HUSMM1640ASS204 C342";
	uint8_t inquiry[36] = {0, 0, 6, 2, 31};

	io->status = io->host_status = io->driver_status = io->sb_len_wr = io->resid = 0;
	if (io->cmdp[0] == 0x12) {
		memcpy(inquiry + 8, product, sizeof(product) - 1);
		memset(io->dxferp, 0, io->dxfer_len);
		memcpy(io->dxferp, inquiry, io->dxfer_len < 36 ? io->dxfer_len : 36);
	}
	if (io->cmdp[0] == 0x03)
		io->resid = io->dxfer_len - bytes("SENSE", io->dxferp, io->dxfer_len);
	if (io->cmdp[0] == 0x48) {
		fprintf(stderr, "[cdb %02x %02x, %u bytes out]\n", io->cmdp[0], io->cmdp[1], io->dxfer_len);
		if (getenv("CHECK")) {
			io->status = 2; /* CHECK CONDITION */
			io->driver_status = 8; /* with sense data */
			io->sb_len_wr = bytes("CHECK", io->sbp, io->mx_sb_len);
		}
	}
	return 0;
}

int ioctl(int descriptor, unsigned long request, ...)
{
	va_list rest;
	void *argument;

	(void)descriptor;
	va_start(rest, request);
	argument = va_arg(rest, void *);
	va_end(rest);
	if (request == SG_IO)
		return scsi(argument);
	return ((request >> 8) & 0xff) == 'N' ? nvme(argument) : 0;
}
