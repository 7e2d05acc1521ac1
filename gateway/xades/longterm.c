/* SPDX-License-Identifier: EUPL-1.2 */
#include "xades/signature.h"

#include "common/encode.h"

bool sig_has_long_term(const struct sig *s)
{
	for (const xmlNode *n = sig_unsigned_first(s); n; n = xml_next(n, NULL, NULL))
		if (sig_is_xades(n, "RevocationValues"))
			return true;
	return false;
}
