/* SPDX-License-Identifier: EUPL-1.2 */
/* The version of the schema that brings erasure and legal holds. */
#include "queue/engine_pg_tables.h"

/* The same as engine_sqlite_erasures.c. */
const char PG_ERASURE_TABLES[] =
	"CREATE TABLE erasures("
	" document BIGINT PRIMARY KEY REFERENCES documents,"
	" appliance BIGINT NOT NULL DEFAULT sealgate_appliance() REFERENCES appliances,"
	" since BIGINT NOT NULL CHECK(since>0), due BIGINT NOT NULL CHECK(due>=0),"
	" fence BIGINT NOT NULL CHECK(fence>0),"
	" policy " TEXT " CHECK(policy<>''),"
	" seconds BIGINT NOT NULL CHECK(seconds>0),"
	" at BIGINT NOT NULL DEFAULT 0 CHECK(at>=0),"
	" archive " TEXT " DEFAULT '', manifest " TEXT " DEFAULT '',"
	" position BIGINT NOT NULL DEFAULT 0 CHECK(position>=0),"
	" statement BIGINT NOT NULL DEFAULT 0 CHECK(statement>=0),"
	" CHECK((at>0)=(position>0)),"
	" CHECK(at=0 OR (archive<>'' AND length(manifest)=64))"
	");"
	"CREATE INDEX erasures_unstated ON erasures(appliance,position)"
	" WHERE at>0 AND statement=0;"
	"CREATE TABLE legal_holds("
	" hold BIGINT PRIMARY KEY GENERATED ALWAYS AS IDENTITY,"
	" id " TEXT ", partner " TEXT ", type " TEXT ","
	" ground " TEXT " CHECK(ground IN('legal','dispute')),"
	" since BIGINT NOT NULL CHECK(since>0),"
	" operator " TEXT " CHECK(operator<>''),"
	" reason " TEXT " CHECK(reason<>''),"
	" lifted BIGINT NOT NULL DEFAULT 0 CHECK(lifted>=0),"
	" lifted_by " TEXT " DEFAULT '', lifted_reason " TEXT " DEFAULT '',"
	" CHECK(id<>'' OR partner<>'' OR type<>''),"
	" CHECK((lifted>0)=(lifted_by<>'') AND (lifted>0)=(lifted_reason<>''))"
	");";

const char PG_ERASURE_FUNCTIONS[] =
	"CREATE FUNCTION sealgate_erased(d BIGINT) RETURNS BOOLEAN LANGUAGE sql STABLE"
	" AS $$SELECT EXISTS(SELECT 1 FROM erasures WHERE document=d AND at>0)$$;"
	"CREATE FUNCTION sealgate_erase() RETURNS trigger LANGUAGE plpgsql AS $$BEGIN"
	" IF EXISTS(SELECT 1 FROM documents WHERE document=NEW.document AND"
	"  state IN('held','accepted','quarantined')) OR"
	"  EXISTS(SELECT 1 FROM deliveries WHERE document=NEW.document AND"
	"   state NOT IN('delivered','refused','expired')) OR"
	"  EXISTS(SELECT 1 FROM documents d JOIN legal_holds h ON h.lifted=0 AND"
	"   (h.id='' OR h.id=d.id) AND (h.partner='' OR h.partner=d.partner) AND"
	"   (h.type='' OR h.type=d.type) WHERE d.document=NEW.document) THEN"
	"  RAISE EXCEPTION 'it is open or held and not to be erased'"
	"   USING ERRCODE='23000'; END IF; RETURN NEW; END$$;"
	"CREATE FUNCTION sealgate_delete_blob() RETURNS trigger LANGUAGE plpgsql AS"
	" $$BEGIN IF OLD.part=4 OR NOT sealgate_erased(OLD.document) THEN"
	"  RAISE EXCEPTION 'blobs are never deleted' USING ERRCODE='23000'; END IF;"
	" RETURN OLD; END$$;"
	"CREATE FUNCTION sealgate_delete_container() RETURNS trigger LANGUAGE plpgsql AS"
	" $$BEGIN IF NOT sealgate_erased(OLD.document) THEN"
	"  RAISE EXCEPTION 'containers are never deleted' USING ERRCODE='23000';"
	" END IF; RETURN OLD; END$$;"
	"CREATE FUNCTION sealgate_is_erased() RETURNS trigger LANGUAGE plpgsql AS"
	" $$BEGIN IF sealgate_erased(NEW.document) THEN"
	"  RAISE EXCEPTION 'it is erased' USING ERRCODE='23000'; END IF;"
	" RETURN NEW; END$$;";

#define KEPT_WHEN(name, event, table, when, why)                                         \
	"CREATE TRIGGER " name " BEFORE " event " ON " table " FOR EACH ROW WHEN(" when  \
	") EXECUTE FUNCTION sealgate_refuse('" why "');"
#define ASKED(name, event, table, when, function)                                        \
	"CREATE TRIGGER " name " BEFORE " event " ON " table " FOR EACH ROW WHEN(" when  \
	") EXECUTE FUNCTION " function "();"

/* clang-format off */
const char PG_ERASURE_TRIGGERS[] =
	KEPT_WHEN("erasures_start", "INSERT", "erasures", "NEW.at<>0",
		"erased without a claim")
	ASKED("erasures_done", "UPDATE OF at", "erasures", "OLD.at=0 AND NEW.at>0",
		"sealgate_erase")
	KEPT_WHEN("erasures_kept",
		"UPDATE OF document,since,policy,seconds,at,archive,manifest,position",
		"erasures", "OLD.at>0", "what was erased stays so")
	KEPT_WHEN("erasures_stated", "UPDATE OF statement", "erasures",
		"OLD.statement>0 OR OLD.at=0", "a statement stands")
	KEPT_WHEN("erasures_fence", "UPDATE OF fence", "erasures",
		"NEW.fence<OLD.fence", "fence goes back")
	NEVER_DELETED("erasures", "erasures are never deleted")
	KEPT_WHEN("legal_holds_kept", "UPDATE", "legal_holds",
		"OLD.lifted>0 OR NEW.id<>OLD.id OR NEW.partner<>OLD.partner OR"
		" NEW.type<>OLD.type OR NEW.ground<>OLD.ground OR NEW.since<>OLD.since OR"
		" NEW.operator<>OLD.operator OR NEW.reason<>OLD.reason",
		"a legal hold is only lifted")
	NEVER_DELETED("legal_holds", "legal holds are never deleted");

const char PG_ERASURE_RULES[] =
	"DROP TRIGGER blobs_never_deleted ON blobs;"
	ASKED("blobs_never_deleted", "DELETE", "blobs", "true", "sealgate_delete_blob")
	"DROP TRIGGER containers_never_deleted ON containers;"
	ASKED("containers_never_deleted", "DELETE", "containers", "true",
		"sealgate_delete_container")
	ASKED("erased_goes_nowhere", "UPDATE OF state", "deliveries",
		"OLD.state IN('delivered','refused','expired') AND NEW.state<>OLD.state",
		"sealgate_is_erased")
	ASKED("blobs_of_none_erased", "INSERT", "blobs", "true", "sealgate_is_erased")
	ASKED("containers_of_none_erased", "INSERT", "containers", "true",
		"sealgate_is_erased")
	ASKED("deliveries_of_none_erased", "INSERT", "deliveries", "true",
		"sealgate_is_erased");
/* clang-format on */
