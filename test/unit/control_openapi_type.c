/* openapi_type: the notation of types as JSON Schema. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "../../lib/control/openapi_type.c"

static void says(const char *type, const char *schema)
{
    struct buf b;
    struct json_out o;
    buf_init(&b, 65536);
    json_out_init(&o, &b);
    openapi_type(&o, slice_str(type));
    buf_char(&b, '\0');
    assert_false(b.failed);
    assert_string_equal(b.p, schema);
    buf_release(&b);
}

static void test_types(void **state)
{
    (void)state;
    says("int", "{\"type\":\"integer\"}");
    says("str~", "{\"type\":[\"string\",\"null\"]}");
    says("any", "{}");
    says("a|b", "{\"type\":\"string\",\"enum\":[\"a\",\"b\"]}");
    says("a|b~", "{\"enum\":[\"a\",\"b\",null]}");
    says("sse", "{\"type\":\"string\",\"enum\":[\"sse\"]}");
    says("Tag", "{\"$ref\":\"#/components/schemas/Tag\"}");
    says("Tag~", "{\"anyOf\":[{\"$ref\":\"#/components/schemas/Tag\"},"
                 "{\"type\":\"null\"}]}");
    says("[[int]]", "{\"type\":\"array\",\"items\":{\"type\":\"array\","
                    "\"items\":{\"type\":\"integer\"}}}");
    says("time", "{\"type\":\"string\",\"format\":\"date-time\"}");
    says("{}", "{\"type\":\"object\",\"properties\":{}}");
    says("{a:int b?:[{c:bool~}]}",
         "{\"type\":\"object\",\"properties\":{\"a\":{\"type\":\"integer\"},"
         "\"b\":{\"type\":\"array\",\"items\":{\"type\":\"object\","
         "\"properties\":{\"c\":{\"type\":[\"boolean\",\"null\"]}},"
         "\"required\":[\"c\"]}}},\"required\":[\"a\"]}");
}

static void test_members(void **state)
{
    (void)state;
    struct slice rest = SLICE(" X-A?:str  b:{c:int d:[str]} ");
    struct openapi_member m;
    assert_true(openapi_member(&rest, &m));
    assert_true(slice_is(m.name, "X-A") && slice_is(m.type, "str"));
    assert_true(m.optional);
    assert_true(openapi_member(&rest, &m));
    assert_true(slice_is(m.name, "b"));
    assert_true(slice_is(m.type, "{c:int d:[str]}"));
    assert_false(m.optional);
    assert_false(openapi_member(&rest, &m));
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_types),
                                       cmocka_unit_test(test_members)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
