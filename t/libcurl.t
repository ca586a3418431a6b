# === TEST 1: a libcurl that was built with another TLS library than nginx's own OpenSSL
# === TEST 2: libcurl 8.20.0: a warning

use strict;
use warnings;

use File::Temp ();
use Test::More tests => 11;

my $nginx  = $ENV{TEST_NGINX_BINARY} || 'nginx';
my $module = (split ' ', $ENV{TEST_NGINX_LOAD_MODULES} || '')[0] or die "no TEST_NGINX_LOAD_MODULES\n";

my $dir = File::Temp->newdir;
mkdir "$dir/logs";

put("$dir/nginx.conf", <<"CONF");
load_module $module;
error_log stderr;
pid $dir/nginx.pid;
events {}
http {
    @{[ map { "${_}_temp_path $dir/$_;\n" } qw( client_body proxy fastcgi uwsgi scgi ) ]}
    vcita_oauth_client_id app1;
    vcita_oauth_client_secret s3cret-0123456789abcdef;
    server {
        listen 127.0.0.1:8;
        vcita_oauth_redirect_uri http://127.0.0.1/oauth/callback;
        location / { vcita_oauth on; }
    }
}
CONF

# libcurl's own answer, with another TLS library or version in it

put("$dir/other.c", <<'CODE');
#define _GNU_SOURCE
#include <dlfcn.h>
#include <curl/curl.h>
#undef curl_version_info
curl_version_info_data *curl_version_info(CURLversion v)
{
    static curl_version_info_data other;
    curl_version_info_data *(*real)(CURLversion) =
        (curl_version_info_data *(*)(CURLversion)) dlsym(RTLD_NEXT, "curl_version_info");
    other = *real(v);
#ifdef TLS
    other.ssl_version = TLS;
#endif
#ifdef NUMBER
    other.version_num = NUMBER;
    other.version = VERSION;
#endif
    return &other;
}
CODE

my ($status, $said) = check();
is $status, 0, 'the libcurl of this machine will do';

for my $tls ('GnuTLS/3.7.9', 'OpenSSL/0.9.8', '(OpenSSL/3.0.0) GnuTLS/3.7.9') {
    ($status, $said) = check(shim("-DTLS=\"$tls\""));
    ok $status != 0 && $said =~ /\[emerg\].*libcurl was built with "\Q$tls\E" but nginx uses "OpenSSL /, "$tls is refused"
        or diag $said;
}
like $said, qr/install the libcurl that uses nginx's OpenSSL/, 'and the log says what to do';

# it never drains the descriptor that wakes up for a name that was looked up
for ([ '8.19.0', '0x081300', 0 ], [ '8.20.0', '0x081400', 1 ], [ '8.20.1', '0x081401', 0 ]) {
    my ($version, $number, $warns) = @$_;
    ($status, $said) = check(shim("-DNUMBER=$number", "-DVERSION=\"$version\""));
    is $status, 0, "$version is taken";
    is scalar(() = $said =~ /\[warn\] .*: libcurl 8\.20\.0 .*install another version$/mg), $warns, "$version: warnings" or diag $said;
}


sub shim {
    my $shim = "$dir/other.so";
    system('cc', '-shared', '-fPIC', @_, '-o', $shim, "$dir/other.c", '-ldl') == 0 or die "no $shim\n";
    return $shim;
}


sub check {
    my ($shim) = @_;
    local $ENV{LD_PRELOAD} = $shim if $shim;
    my $said = `$nginx -t -e stderr -p $dir/ -c $dir/nginx.conf 2>&1`;
    return ($?, $said);
}


sub put {
    my ($file, $text) = @_;
    open my $to, '>', $file or die "$file: $!";
    print $to $text;
    close $to;
}
