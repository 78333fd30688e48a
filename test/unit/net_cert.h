/* net_cert.h - a self-signed certificate for localhost and 127.0.0.1, valid
 * for a hundred years, with its key.  For tests only; protects nothing.
 */
#ifndef TEST_NET_CERT_H
#define TEST_NET_CERT_H

static const char test_cert[] =
    "-----BEGIN CERTIFICATE-----\n"
    "MIIBmzCCAUGgAwIBAgIUPukvByjD4dLLswlZaSxrwJOp4BswCgYIKoZIzj0EAwIw\n"
    "FDESMBAGA1UEAwwJbG9jYWxob3N0MCAXDTI2MTEyMDIzNDcyNFoYDzIxMjYxMDI3\n"
    "MjM0NzI0WjAUMRIwEAYDVQQDDAlsb2NhbGhvc3QwWTATBgcqhkjOPQIBBggqhkjO\n"
    "PQMBBwNCAARpmf+u0F/MfNYFQ9jky0VTvEistJR2Ca+HM2vhZt9iV9m8qmpga9UA\n"
    "ygRgNoH8Wkq/ejqtytQedjjgWQqNsdIfo28wbTAdBgNVHQ4EFgQUmFI/06RNToW0\n"
    "jSQ8PEl4cwN18ggwHwYDVR0jBBgwFoAUmFI/06RNToW0jSQ8PEl4cwN18ggwDwYD\n"
    "VR0TAQH/BAUwAwEB/zAaBgNVHREEEzARgglsb2NhbGhvc3SHBH8AAAEwCgYIKoZI\n"
    "zj0EAwIDSAAwRQIhALZIPjjx86nyIZo+fAf1WmHF8+Ntpv2opQF183SkMbkwAiBV\n"
    "+SYRsflHLBH78Xd/2o/SV6XuPzieYR0NltMgFud7Iw==\n"
    "-----END CERTIFICATE-----\n";

static const char test_key[] =
    "-----BEGIN PRIVATE KEY-----\n"
    "MIGHAgEAMBMGByqGSM49AgEGCCqGSM49AwEHBG0wawIBAQQgyikTakR6KuLWBLRL\n"
    "b0znWWmHTm2AzVtlhYzfyF5nVoihRANCAARpmf+u0F/MfNYFQ9jky0VTvEistJR2\n"
    "Ca+HM2vhZt9iV9m8qmpga9UAygRgNoH8Wkq/ejqtytQedjjgWQqNsdIf\n"
    "-----END PRIVATE KEY-----\n";

#endif
