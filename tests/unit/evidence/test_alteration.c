/* SPDX-License-Identifier: EUPL-1.2 */
#include "evidence/asic.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
/* cmocka wants the above */
#include <cmocka.h>

#include "verified.h"

/* Verify the container with one octet of one part changed and everything about the form
 * set right again: what is left to tell is the seal. */
static int valid_with(const struct asic *a, int part, size_t at, uint8_t mask)
{
	_cleanup_answer_ struct answer answer = { 0 };
	struct asic changed = *a;
	uint8_t *copy = malloc(a->parts[part].len);
	_cleanup_buf_ struct buf again;

	memcpy(copy, a->parts[part].data, a->parts[part].len);
	copy[at] ^= mask;
	changed.parts[part].data = copy;
	buf_init(&again, LIMIT_CONTAINER);
	assert_int_equal(asic_write(&changed, &again), 0);
	free(copy);
	answer = verify(buf_span(&again), MATERIAL, NOW + 60);
	assert_false(findings_have(&answer.findings, "evidence.form"));
	assert_true(answer.valid || answer.findings.errors > 0);
	return answer.valid;
}

/* Of the time-stamp token, some octets mean nothing to whoever verifies it: an algorithm
 * that is named twice, the version of a structure. All else is seen. Every octet is tried
 * when SEALGATE_TEST_FULL is set, which takes minutes. */
static void octets_of_all_parts_count(void **state)
{
	size_t step = getenv("SEALGATE_TEST_FULL") ? 1 : 17, unseen = 0;
	_cleanup_findings_ struct findings f = { 0 };
	const uint8_t *token, *end;
	_cleanup_buf_ struct buf c;
	struct asic a;

	(void)state;
	make(&SEALED.plan, &c);
	assert_int_equal(asic_read(buf_span(&c), &f, &a), 1);
	token = memmem(c.data, c.len, "EncapsulatedTimeStamp>", 22);
	end = memmem(c.data, c.len, "</xades:EncapsulatedTimeStamp>", 30);
	for (int part = 0; part < ASIC_PARTS; part++)
		for (size_t i = 0; i < a.parts[part].len; i += step) {
			const uint8_t *at = a.parts[part].data + i;

			if (!valid_with(&a, part, i, 1))
				continue;
			if (at < token || at > end)
				fail_msg("octet %zu of %s", i,
					asic_name((enum asic_part)part));
			unseen++;
		}
	assert_true(unseen < 32);
}

/* Rewrite the signature file by replacing a text. */
static void refuse_seal_with(const char *old, const char *new, const char *code)
{
	_cleanup_findings_ struct findings f = { 0 };
	_cleanup_buf_ struct buf c, file, again;
	struct asic a;
	const char *at;

	buf_init(&file, LIMIT_CONTAINER);
	buf_init(&again, LIMIT_CONTAINER);
	make(&SEALED.plan, &c);
	assert_int_equal(asic_read(buf_span(&c), &f, &a), 1);
	at = memmem(a.parts[ASIC_SIGNATURES].data, a.parts[ASIC_SIGNATURES].len, old,
		strlen(old));
	if (!at)
		fail_msg("no %s", old);
	buf_add(&file, a.parts[ASIC_SIGNATURES].data,
		(size_t)(at - (const char *)a.parts[ASIC_SIGNATURES].data));
	buf_add_str(&file, new);
	buf_add(&file, at + strlen(old),
		a.parts[ASIC_SIGNATURES].len - file.len - strlen(old) + strlen(new));
	a.parts[ASIC_SIGNATURES] = buf_span(&file);
	assert_int_equal(asic_write(&a, &again), 0);
	assert_refused(buf_span(&again), code);
}

static void texts_that_mean_the_same_are_refused(void **state)
{
	static const char code[] = "evidence.signature-file";

	(void)state;
	refuse_seal_with("<ds:KeyInfo>", "<ds:KeyInfo >", code);
	refuse_seal_with("<ds:KeyInfo>", "<ds:KeyInfo Id=\"k\">", code);
	refuse_seal_with("<ds:KeyInfo>", "<ds:KeyInfo xmlns:u=\"urn:u\">", code);
	refuse_seal_with("<ds:KeyInfo>", "\n<ds:KeyInfo>", code);
	refuse_seal_with("<ds:KeyInfo>", "<!-- c --><ds:KeyInfo>", code);
	refuse_seal_with("<ds:SignedInfo>", "<ds:SignedInfo><!-- c -->", code);
	refuse_seal_with("<ds:SignedInfo>", "<ds:SignedInfo xmlns:u=\"urn:u\">", code);
	refuse_seal_with("<ds:X509Certificate>", "<ds:X509Certificate> ", code);
	refuse_seal_with("</asic:XAdESSignatures>\n", "</asic:XAdESSignatures>", code);
	refuse_seal_with("</asic:XAdESSignatures>", "<x/></asic:XAdESSignatures>", code);
	refuse_seal_with("encoding=\"UTF-8\"", "encoding='UTF-8'", code);
	refuse_seal_with("TEST seal", "&#84;EST seal", code);
	refuse_seal_with("Target=\"#seal", "Target=\"#real", code);
	refuse_seal_with("Id=\"ts-", "Id=\"st-", code);
	refuse_seal_with("<xades:EncapsulatedTimeStamp>",
		"<xades:EncapsulatedTimeStamp Id=\"e\">", code);
	refuse_seal_with("xml-exc-c14n#\"/><xades:Enc",
		"xml-exc-c14n#\" Id=\"c\"/><xades:Enc", code);
	refuse_seal_with("</xades:UnsignedSignatureProperties>",
		"<ds:CertificateValues>QQ==</ds:CertificateValues>"
		"</xades:UnsignedSignatureProperties>",
		code);
	/* Canonicalisation sorts attributes: the signature would still be valid. */
	refuse_seal_with("Id=\"r-seal-" SEALED_ID "-1\" URI=\"document.xml\"",
		"URI=\"document.xml\" Id=\"r-seal-" SEALED_ID "-1\"", code);
	refuse_seal_with("</xades:UnsignedSignatureProperties>",
		"<xades:X/></xades:UnsignedSignatureProperties>", code);
}

/* What breaks the signature, too, is named for what it is. */
static void statements_are_read(void **state)
{
	(void)state;
	refuse_seal_with("URI=\"document.xml\">",
		"URI=\"document.xml\"><ds:Transforms><ds:Transform Algorithm=\""
		"http://www.w3.org/2001/10/xml-exc-c14n#\"/></ds:Transforms>",
		"evidence.coverage");
	refuse_seal_with("Type=\"http://uri.etsi.org/01903#SignedProperties\"",
		"Type=\"http://uri.etsi.org/01903#Other\"", "evidence.coverage");
	refuse_seal_with("<xades:AllSignedDataObjects/>",
		"<xades:ObjectReference>#r-seal-" SEALED_ID "-1</xades:ObjectReference>",
		"evidence.commitment");
	refuse_seal_with("<xades:SigPolicyHash><ds:DigestMethod "
			 "Algorithm=\"http://www.w3.org/2001/04/xmlenc#sha256\"/>",
		"<xades:SigPolicyHash><ds:DigestMethod "
		"Algorithm=\"http://www.w3.org/2001/04/xmlenc#sha512\"/>",
		"evidence.policy");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(octets_of_all_parts_count),
		cmocka_unit_test(texts_that_mean_the_same_are_refused),
		cmocka_unit_test(statements_are_read),
	};

	return cmocka_run_group_tests(tests, set_up, tear_down);
}
