/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * What the two texts that bring releases which await a second person share; never a
 * statement, which are in statements.def.
 */
#ifndef SEALGATE_QUEUE_REVIEW_TABLES_H
#define SEALGATE_QUEUE_REVIEW_TABLES_H

/* id, or else partner, destination ('' all) and before say what is to be released. It
 * waits (open) until a time; confirmed: the one who confirmed it goes on with many. */
#define REVIEW_COLUMNS(key, integer, text)                                               \
	"CREATE TABLE reviews("                                                          \
	" review " key ","                                                               \
	" id " text ", partner " text ", destination " text ","                          \
	" before " integer " NOT NULL CHECK(before>0),"                                  \
	" since " integer " NOT NULL CHECK(since>0),"                                    \
	" until " integer " NOT NULL CHECK(until>since),"                                \
	" operator " text " CHECK(operator<>''),"                                        \
	" reason " text " CHECK(reason<>''),"                                            \
	" state " text " DEFAULT 'open' CHECK(state='open' OR state='confirmed' OR"      \
	"  state='done' OR state='declined'),"                                           \
	" second " text " DEFAULT '', second_reason " text " DEFAULT '',"                \
	" decided " integer " NOT NULL DEFAULT 0 CHECK(decided>=0),"                     \
	" CHECK((state='open')=(second='') AND (state='open')=(second_reason='') AND"    \
	"  (state='open')=(decided=0)),"                                                 \
	" CHECK(state='declined' OR second<>operator)"                                   \
	")"
#define REVIEW_OVER                                                                      \
	"OLD.state='done' OR OLD.state='declined' OR NEW.state='open' OR"                \
	" (OLD.state='confirmed' AND (NEW.state='declined' OR"                           \
	"  NEW.second<>OLD.second)) OR NEW.id<>OLD.id OR NEW.partner<>OLD.partner OR"    \
	" NEW.destination<>OLD.destination OR NEW.before<>OLD.before OR"                 \
	" NEW.since<>OLD.since OR NEW.until<>OLD.until OR"                               \
	" NEW.operator<>OLD.operator OR NEW.reason<>OLD.reason"
#define REVIEW_LISTED                                                                    \
	"CREATE INDEX reviews_waiting ON reviews(review)"                                \
	" WHERE state='open' OR state='confirmed';"

#endif
