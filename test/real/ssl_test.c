/* SPDX-License-Identifier: MIT */
/*
 * test/real/ssl_test.c - OpenSSL, both ends of connections on one thread.
 *
 * Client and server wait for each other in blocking BIOs. On one thread that
 * goes well only if each wait lets the other go on.
 */
#include <errno.h>
#include <openssl/bio.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/ssl.h>
#include <openssl/x509.h>
#include <signal.h>
#include <stdio.h>

#include "clients.h"

#define CHUNK  20000 /* more than a record of TLS */
#define ROUNDS 10

static struct {
    SSL_CTX *server;
    SSL_CTX *client;
} context;

static bool ssl_good(bool good, const char *what)
{
    char why[256];
    unsigned long code;

    if (good)
        return true;
    while ((code = ERR_get_error()) != 0) {
        ERR_error_string_n(code, why, sizeof(why));
        fprintf(stderr, "# %s\n", why);
    }
    return test_check_failed(__FILE__, __LINE__, what);
}

#define SSL_GOOD(condition) ssl_good((condition), #condition)

/* For 127.0.0.1, signed by itself. */
static X509 *certificate_new(EVP_PKEY *key)
{
    X509 *certificate = X509_new();
    X509_NAME *name = X509_get_subject_name(certificate);

    X509_set_version(certificate, 2);
    ASN1_INTEGER_set(X509_get_serialNumber(certificate), 1);
    X509_gmtime_adj(X509_getm_notBefore(certificate), -3600);
    X509_gmtime_adj(X509_getm_notAfter(certificate), 24L * 3600);
    X509_set_pubkey(certificate, key);
    X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_ASC,
                               (const unsigned char *)"127.0.0.1", -1, -1, 0);
    X509_set_issuer_name(certificate, name);
    SSL_GOOD(X509_sign(certificate, key, EVP_sha256()) > 0);
    return certificate;
}

static void context_begin(void)
{
    EVP_PKEY *key = EVP_EC_gen("P-256");
    X509 *certificate = certificate_new(key);

    signal(SIGPIPE, SIG_IGN); /* OpenSSL knows no MSG_NOSIGNAL */
    context.server = SSL_CTX_new(TLS_server_method());
    context.client = SSL_CTX_new(TLS_client_method());
    SSL_GOOD(SSL_CTX_use_certificate(context.server, certificate) == 1);
    SSL_GOOD(SSL_CTX_use_PrivateKey(context.server, key) == 1);
    SSL_GOOD(X509_STORE_add_cert(SSL_CTX_get_cert_store(context.client),
                                 certificate) == 1);
    SSL_CTX_set_verify(context.client, SSL_VERIFY_PEER, NULL);
    X509_free(certificate);
    EVP_PKEY_free(key);
}

static void context_end(void)
{
    SSL_CTX_free(context.server);
    SSL_CTX_free(context.client);
}

/* One connection: its two ends are an item each. */
struct end {
    bool serves;
    int number;
    BIO *accept;    /* it serves: listens */
    char place[40]; /* "127.0.0.1:port" */
    size_t bytes;   /* that came in */
    unsigned digest;
    char version[12];
};

/* Listens where the system finds a place. */
static void end_listen(struct end *server, struct end *client)
{
    server->serves = true;
    server->accept = BIO_new_accept("127.0.0.1:0");
    SSL_GOOD(BIO_do_accept(server->accept) == 1);
    snprintf(client->place, sizeof(client->place), "127.0.0.1:%s",
             BIO_get_accept_port(server->accept));
}

static void end_count(struct end *end, const char *data, int n)
{
    end->bytes += (size_t)n;
    for (int i = 0; i < n; i++)
        end->digest = end->digest * 31 + (unsigned char)data[i];
}

/* The BIO of a connection that was accepted, with TLS on it. */
static BIO *end_accept(struct end *end)
{
    BIO *bio = BIO_new_ssl(context.server, 0);

    if (SSL_GOOD(BIO_do_accept(end->accept) == 1))
        bio = BIO_push(bio, BIO_pop(end->accept));
    return bio;
}

static BIO *end_connect(struct end *end)
{
    BIO *bio = BIO_new_ssl_connect(context.client);

    BIO_set_conn_hostname(bio, end->place);
    SSL_GOOD(BIO_do_connect(bio) == 1);
    return bio;
}

static bool end_write(BIO *bio, const char *data, int n)
{
    return SSL_GOOD(BIO_write(bio, data, n) == n);
}

/* Back comes what came, to the end. */
static void end_serve(struct end *end, BIO *bio)
{
    char *data = malloc(CHUNK);
    int n;

    while ((n = BIO_read(bio, data, CHUNK)) > 0) {
        end_count(end, data, n);
        if (!end_write(bio, data, n))
            break;
    }
    free(data);
}

static void end_ask(struct end *end, BIO *bio)
{
    char *data = malloc(CHUNK);

    for (int i = 0; i < ROUNDS; i++) {
        memset(data, 'a' + (end->number + i) % 26, CHUNK);
        end_write(bio, data, CHUNK);
        for (int left = CHUNK; left > 0;) {
            int n = BIO_read(bio, data, left);

            if (!SSL_GOOD(n > 0))
                break;
            end_count(end, data, n);
            left -= n;
        }
    }
    free(data);
}

static void *end_run(void *arg)
{
    struct end *end = arg;
    BIO *bio = end->serves ? end_accept(end) : end_connect(end);
    SSL *ssl = NULL;

    SSL_GOOD(BIO_do_handshake(bio) == 1);
    BIO_get_ssl(bio, &ssl);
    snprintf(end->version, sizeof(end->version), "%s", SSL_get_version(ssl));
    if (end->serves)
        end_serve(end, bio);
    else
        end_ask(end, bio);
    BIO_free_all(bio); /* says goodbye */
    if (end->accept != NULL)
        BIO_free_all(end->accept);
    end->accept = NULL;
    memset(end->place, 0, sizeof(end->place));
    return end;
}

static void end_work(bool green, struct end *items, size_t n)
{
    struct crew crew;

    memset(items, 0, n * sizeof(*items));
    for (size_t i = 0; i < n; i += 2) {
        items[i].number = items[i + 1].number = (int)i;
        end_listen(&items[i], &items[i + 1]);
    }
    if (green)
        crew_greenlets(&crew, n);
    else
        crew_threads(&crew, n);
    crew_work(&crew, end_run, items, sizeof(*items), NULL);
}

TEST(both_ends_of_many_connections_are_on_one_thread)
{
    struct end items[2][50];
    size_t n = 2 * (size_t)test_scale(25);

    context_begin();
    end_work(false, items[0], n);
    end_work(true, items[1], n);
    context_end();
    assert_memory_equal(items[0], items[1], n * sizeof(**items));
    for (size_t i = 0; i < n; i++) {
        assert_int_equal(items[1][i].bytes, CHUNK * ROUNDS);
        assert_string_equal(items[1][i].version, "TLSv1.3");
    }
}

/* ---- ended from outside ---- */

static struct {
    atomic_int at; /* how far the client is */
    bool has_deadline;
} patience;

/* Waits for an answer that does not come. */
static void *end_ask_for_ever(void *arg)
{
    BIO *bio = end_connect(arg);
    char data[10];
    thrum_time deadline =
        patience.has_deadline ? thrum_in_ms(50) : THRUM_FOREVER;

    SSL_GOOD(BIO_do_handshake(bio) == 1);
    atomic_store(&patience.at, 1);
    THRUM_WITH_DEADLINE(limit, deadline)
        CHECK(BIO_read(bio, data, sizeof(data)) <= 0);
    CHECK(thrum_expired(&limit) == patience.has_deadline);
    ERR_clear_error();
    BIO_free_all(bio);
    return patience.has_deadline ? arg : NULL;
}

/* Shakes hands, and then only waits for the end. */
static void *end_be_silent(void *arg)
{
    struct end *end = arg;
    BIO *bio = end_accept(end);
    char data[10];

    SSL_GOOD(BIO_do_handshake(bio) == 1);
    CHECK(BIO_read(bio, data, sizeof(data)) <= 0);
    ERR_clear_error();
    BIO_free_all(bio);
    BIO_free_all(end->accept);
    return end;
}

static void end_outlast(bool has_deadline)
{
    struct end ends[2];
    thrum_future *server;
    thrum_future *client;

    memset(ends, 0, sizeof(ends));
    patience.has_deadline = has_deadline;
    atomic_store(&patience.at, 0);
    context_begin();
    end_listen(&ends[0], &ends[1]);
    server = spawn_large(end_be_silent, &ends[0]);
    client = spawn_large(end_ask_for_ever, &ends[1]);
    CREW_AWAIT(atomic_load(&patience.at) == 1);
    if (has_deadline)
        spawn_join(client);
    else
        spawn_kill(client);
    spawn_join(server); /* which has seen the end */
    context_end();
}

TEST(a_killed_one_can_free_its_connection)
{
    end_outlast(false);
}

TEST(a_connection_can_be_freed_after_a_deadline)
{
    end_outlast(true);
}

/* Nobody ever connects. */
static void *end_accept_for_ever(void *arg)
{
    struct end *end = arg;

    atomic_store(&patience.at, 1);
    CHECK(BIO_do_accept(end->accept) <= 0);
    ERR_clear_error();
    BIO_free_all(end->accept);
    return NULL;
}

TEST(a_killed_one_can_free_what_listens)
{
    struct end ends[2];
    thrum_future *server;

    memset(ends, 0, sizeof(ends));
    atomic_store(&patience.at, 0);
    end_listen(&ends[0], &ends[1]);
    server = spawn_large(end_accept_for_ever, &ends[0]);
    CREW_AWAIT(atomic_load(&patience.at) == 1);
    spawn_kill(server);
}

CLIENT_MAIN("real/ssl")
