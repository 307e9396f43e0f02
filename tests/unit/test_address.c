#include "support/scene.h"

#include <arpa/inet.h>
#include <errno.h>

static const struct {
    const char *text, *formatted;
} good[] = {
    {"127.0.0.1:3000", "127.0.0.1:3000"},
    {"0.0.0.0:0", "0.0.0.0:0"},
    {"255.255.255.255:65535", "255.255.255.255:65535"},
    {"localhost:80", "127.0.0.1:80"},
    {":3000", "0.0.0.0:3000"},
    {"*:3000", "0.0.0.0:3000"},
    {"1.2.3.4:00080", "1.2.3.4:80"},
    {"[::1]:3000", "[::1]:3000"},
    {"[::]:1", "[::]:1"},
    {"[0:0:0:0:0:0:0:1]:65535", "[::1]:65535"},
    {"[2001:DB8::a:b]:443", "[2001:db8::a:b]:443"},
    {"[::ffff:10.1.2.3]:9", "[::ffff:10.1.2.3]:9"},
};

START_TEST(addresses_are_read_and_written) {
    for (size_t i = 0; i < sizeof good / sizeof *good; i++) {
        struct cede_address address, again;
        char text[CEDE_ADDRESS_TEXT];
        const char *why = "untouched";

        ck_assert_msg(cede_address_parse(good[i].text, &address, &why) == 0, "%s", good[i].text);
        ck_assert_str_eq(why, "untouched");
        ck_assert_ptr_eq(cede_address_format(&address, text, sizeof text), text);
        ck_assert_str_eq(text, good[i].formatted);
        ck_assert_int_eq(cede_address_parse(text, &again, NULL), 0);
        ck_assert_uint_eq(again.len, address.len);
        ck_assert_mem_eq(&again, &address, address.len);
    }
}
END_TEST

static const struct {
    const char *text;
    int error;
} bad[] = {
    {"", -EINVAL},
    {":", -EINVAL},
    {"127.0.0.1", -EINVAL},
    {"127.0.0.1:", -EINVAL},
    {"127.0.0.1: 80", -EINVAL},
    {"127.0.0.1:80 ", -EINVAL},
    {" 127.0.0.1:80", -EINVAL},
    {"127.0.0.1:+80", -EINVAL},
    {"127.0.0.1:-1", -EINVAL},
    {"127.0.0.1:0x50", -EINVAL},
    {"127.0.0.1:8o", -EINVAL},
    {"127.0.0.1:http", -EINVAL},
    {"127.0.0.1:65536", -ERANGE},
    {"127.0.0.1:99999", -ERANGE},
    {"127.0.0.1:4294967376", -ERANGE}, /* 2^32 + 80 */
    {"127.0.0.1:18446744073709551696", -ERANGE},
    {"127.0.0.1:99999999999999999999999999999999999999999999999", -ERANGE},
    {"256.0.0.1:80", -EINVAL},
    {"1.2.3:80", -EINVAL},
    {"1.2.3.4.5:80", -EINVAL},
    {"01x.2.3.4:80", -EINVAL},
    {"example.com:80", -EINVAL},
    {"localhost.:80", -EINVAL},
    {"**:80", -EINVAL},
    {"::1:3000", -EINVAL},
    {"::1", -EINVAL},
    {"[::1]", -EINVAL},
    {"[::1]3000", -EINVAL},
    {"[::1]:", -EINVAL},
    {"[::1]:80:90", -EINVAL},
    {"[::1:80", -EINVAL},
    {"[]:80", -EINVAL},
    {"[127.0.0.1]:80", -EINVAL},
    {"[localhost]:80", -EINVAL},
    {"[:::1]:80", -EINVAL},
    {"[1:2:3:4:5:6:7:8:9]:80", -EINVAL},
    {"[::1]:65536", -ERANGE},
    {"]:80", -EINVAL},
    {"[", -EINVAL},
    {"\xff\xfe:80", -EINVAL},
    {"123456789012345678901234567890123456789012345678901234567890123:1", -EINVAL},
    {"1234567890123456789012345678901234567890123456789012345678901234:1", -EINVAL},
    {"12345678901234567890123456789012345678901234567890123456789012345:1", -EINVAL},
    {"[12345678901234567890123456789012345678901234567890123456789012345]:1", -EINVAL},
};

START_TEST(garbage_is_refused_and_told_why) {
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        struct cede_address address, before;
        const char *why = NULL;
        int r;

        memset(&address, 0x5a, sizeof address);
        before = address;
        r = cede_address_parse(bad[i].text, &address, &why);
        ck_assert_msg(r == bad[i].error, "\"%s\": %d", bad[i].text, r);
        ck_assert_msg(why && *why && !strchr(why, '\n'), "\"%s\"", bad[i].text);
        ck_assert_mem_eq(&address, &before, sizeof address);
        ck_assert_int_eq(cede_address_parse(bad[i].text, &address, NULL), bad[i].error);
    }
}
END_TEST

START_TEST(a_host_of_any_length_is_refused_or_read) {
    static char text[10000];

    for (size_t n = 0; n < sizeof text - 16; n = n < 200 ? n + 1 : n * 3) {
        struct cede_address address;

        memset(text, 'a', n);
        strcpy(text + n, ":80");
        ck_assert_int_eq(cede_address_parse(text, &address, NULL), n ? -EINVAL : 0);
        memset(text, ':', n);
        strcpy(text + n, "]:80");
        ck_assert_int_eq(cede_address_parse(text, &address, NULL), -EINVAL);
    }
}
END_TEST

START_TEST(what_is_read_is_what_the_kernel_wants) {
    struct cede_address address;

    ck_assert_int_eq(cede_address_parse("1.2.3.4:258", &address, NULL), 0);
    ck_assert_uint_eq(address.len, sizeof address.v4);
    ck_assert_int_eq(address.any.sa_family, AF_INET);
    ck_assert_uint_eq(address.v4.sin_port, htons(258));
    ck_assert_uint_eq(address.v4.sin_addr.s_addr, htonl(0x01020304));
    ck_assert_int_eq(cede_address_parse("[::2]:258", &address, NULL), 0);
    ck_assert_uint_eq(address.len, sizeof address.v6);
    ck_assert_int_eq(address.any.sa_family, AF_INET6);
    ck_assert_uint_eq(address.v6.sin6_port, htons(258));
    ck_assert_uint_eq(address.v6.sin6_addr.s6_addr[15], 2);
    ck_assert_uint_eq(address.v6.sin6_scope_id, 0);
}
END_TEST

START_TEST(a_text_is_cut_to_its_room) {
    struct cede_address address;
    char text[32];

    ck_assert_int_eq(cede_address_parse("127.0.0.1:3000", &address, NULL), 0);
    for (size_t size = 1; size < sizeof text; size++) {
        memset(text, '#', sizeof text);
        cede_address_format(&address, text, size);
        ck_assert_uint_eq(strlen(text), size - 1 < 14 ? size - 1 : 14);
        ck_assert_mem_eq(text, "127.0.0.1:3000", strlen(text));
        ck_assert_int_eq(text[size], '#');
    }
    memset(text, '#', sizeof text);
    ck_assert_ptr_eq(cede_address_format(&address, text, 0), text);
    ck_assert_int_eq(text[0], '#');
}
END_TEST

START_TEST(no_address_is_written_as_unknown) {
    struct cede_address address;
    char text[CEDE_ADDRESS_TEXT];

    memset(&address, 0, sizeof address);
    ck_assert_str_eq(cede_address_format(&address, text, sizeof text), "unknown");
}
END_TEST

CEDE_CHECK_MAIN("address", addresses_are_read_and_written, garbage_is_refused_and_told_why,
                a_host_of_any_length_is_refused_or_read, what_is_read_is_what_the_kernel_wants,
                a_text_is_cut_to_its_room, no_address_is_written_as_unknown)
