# The URL of a Redis and its parameters: what nginx -t says; and a module that was built without hiredis.

use strict;
use warnings;

use lib 't/lib';
use File::Temp ();
use Test::More;
use VcitaCert ();

my $nginx  = $ENV{TEST_NGINX_BINARY} || 'nginx';
my $module = (split ' ', $ENV{TEST_NGINX_LOAD_MODULES} || '')[0];
my $dir = File::Temp->newdir;
mkdir "$dir/logs";

put('pass', "in the file\n");
put('empty', '');
put('open', do { local (@ARGV, $/) = VcitaCert->get->{site_key}; <> });
chmod 0644, "$dir/open";

# === TEST 1: session_store redis: the URLs and parameters that there are
for my $ok ('redis://127.0.0.1', 'redis://127.0.0.1:6380', 'redis://127.0.0.1/15', 'redis://127.0.0.1:6380/', 'redis://localhost',
    'redis://[::1]:6380/2', 'redis://unix:/run/redis/redis.sock', 'redis://unix:/run/redis/redis.sock:/3',
    'redis://user:pass@127.0.0.1', 'redis://:pass@127.0.0.1', 'redis://user@127.0.0.1 password=x',
    'redis://u%3As:p%40s%2Fs@127.0.0.1', 'redis://127.0.0.1 user=u password=file:pass',
    'redis://127.0.0.1 connect_timeout=200ms timeout=3s prefix=', 'redis://127.0.0.1 prefix=' . 'p' x 64,
    'rediss://127.0.0.1', "rediss://localhost ca=@{[ VcitaCert->get->{ca} ]} ssl_verify=on", 'rediss://localhost ssl_verify=off',
    "rediss://localhost cert=@{[ VcitaCert->get->{site} ]} key=@{[ VcitaCert->get->{site_key} ]}",
    'redis://192.0.2.1', 'rediss://u:p@192.0.2.1:6390/1 prefix=a')
{
    my ($status, $said) = check($ok);
    ok $status == 0 && $said !~ /\[(?:warn|error|crit|alert|emerg)\]/, "takes $ok" or diag $said;
}

# === TEST 2: session_store redis: what is wrong is named with its line, and no secret is
for (
    [ 'redis://' => 'no host in "redis://"' ], [ 'redis://127.0.0.1:0' => 'invalid port in "redis://127.0.0.1:0"' ],
    [ 'redis://127.0.0.1:x' => 'invalid port' ],
    [ 'redis://127.0.0.1/x' => 'has an invalid database number' ], [ 'redis://127.0.0.1/-1' => 'has an invalid database number' ],
    [ 'redis://127.0.0.1/65536' => 'has an invalid database number' ], [ 'redis://127.0.0.1/1?a=b' => 'has an invalid database number' ],
    [ 'redis://u:SECRET/x@127.0.0.1' => 'write %2F or %40' ], [ 'redis://u:SECRET@x@127.0.0.1' => 'write %2F or %40' ],
    [ 'redis://u:SECRET%zz@127.0.0.1' => 'as %25' ], [ 'redis://u:SECRET%4@127.0.0.1' => 'as %25' ],
    [ 'redis://user@127.0.0.1' => 'a user without a password' ], [ 'redis://127.0.0.1 user=u' => 'a user without a password' ],
    [ 'redis://u:SECRET@127.0.0.1 password=SECRET' => '"password=" of "redis://127.0.0.1" is duplicate' ],
    [ 'redis://u:SECRET@127.0.0.1 user=u' => '"user=" of "redis://127.0.0.1" is duplicate' ],
    [ 'redis://127.0.0.1 password=' => '"password=" .* is empty' ], [ 'redis://127.0.0.1 password=file:nowhere' => '"[^"]*nowhere" failed' ],
    [ 'redis://127.0.0.1 password=file:empty' => 'is not a regular file' ], [ 'redis://127.0.0.1 user=' => '"user=" .* is empty' ],
    [ 'redis://127.0.0.1 timeout=0' => '"timeout=" .* is not a time' ], [ 'redis://127.0.0.1 timeout=x' => 'is not a time' ],
    [ 'redis://127.0.0.1 connect_timeout=' => '"connect_timeout=" .* is not a time' ],
    [ 'redis://127.0.0.1 timeout=1s timeout=2s' => 'is duplicate' ],
    [ 'redis://127.0.0.1 prefix=' . 'p' x 65 => 'is longer than 64 bytes' ], [ 'redis://127.0.0.1 prefix=a prefix=b' => 'is duplicate' ],
    [ 'redis://127.0.0.1 ca=x' => 'which require rediss://' ], [ 'redis://127.0.0.1 ssl_verify=on' => 'which require rediss://' ],
    [ 'rediss://127.0.0.1 ssl_verify=maybe' => 'must be "on" or "off"' ], [ 'rediss://127.0.0.1 ca=' => '"ca=" .* is empty' ],
    [ 'rediss://127.0.0.1 ca=nowhere' => 'could not set up TLS for "rediss://127.0.0.1"' ],
    [ 'rediss://127.0.0.1 ca=pass ca=pass' => 'is duplicate' ], [ 'rediss://127.0.0.1 ssl_verify=on ssl_verify=on' => 'is duplicate' ],
    [ 'redis://127.0.0.1 cert=pass' => 'has cert= or key=, which require rediss://' ], [ 'redis://127.0.0.1 key=pass' => 'which require rediss://' ],
    [ 'rediss://127.0.0.1 cert=pass' => 'has only one of cert= and key=, set both' ], [ 'rediss://127.0.0.1 key=pass' => 'set both' ],
    [ 'rediss://127.0.0.1 cert=' => '"cert=" .* is empty' ], [ 'rediss://127.0.0.1 key=' => '"key=" .* is empty' ],
    [ 'rediss://127.0.0.1 cert=pass cert=pass' => 'is duplicate' ], [ 'rediss://127.0.0.1 key=pass key=pass' => 'is duplicate' ],
    [ 'rediss://127.0.0.1 cert=nowhere key=pass' => 'could not set up TLS for "rediss://127.0.0.1", check ca=, cert= and key=' ],
    [ 'rediss://127.0.0.1 cert=pass key=pass' => 'could not set up TLS' ],
    [ "rediss://127.0.0.1 cert=@{[ VcitaCert->get->{site} ]} key=@{[ VcitaCert->get->{stub_key} ]}" => 'could not set up TLS' ],
    [ 'rediss://unix:/run/redis.sock' => 'rediss:// for a unix socket' ],
    [ 'redis://127.0.0.1 passwort=SECRET' => 'has an unknown parameter "passwort="' ], [ 'redis://127.0.0.1 SECRET=' => 'has an unknown parameter' ],
    [ 'redis:/127.0.0.1' => 'or a redis:// or rediss:// URL' ],
) {
    my ($value, $says) = @$_;
    my ($status, $said) = check($value);
    ok $status != 0 && $said =~ /\[emerg\].*$says.* in \S+nginx\.conf:14$/m, "refuses $value" or diag $said;
    unlike $said, qr/=[^"]*SECRET|:SECRET/, 'without a secret' if $value =~ /[:=]SECRET/;
}

# === TEST 3: session_store redis: a password in clear text, a server that is not verified, a name that is not found: a warning
for ([ 'redis://u:SECRET@192.0.2.1' => '"redis://192.0.2.1" receives its password without TLS, use rediss://' ],
     [ 'redis://192.0.2.1 password=SECRET' => 'receives its password without TLS' ],
     [ 'redis://no.such.host.invalid' => 'host not found in "redis://no.such.host.invalid", requests that need this store get 503' ],
     [ "rediss://192.0.2.1 cert=@{[ VcitaCert->get->{site} ]} key=open" => 'open" is readable by all users, chmod 600 it' ],
     [ 'rediss://192.0.2.1 ssl_verify=off' => '"rediss://192.0.2.1" is not verified' ])
{
    my ($value, $says) = @$_;
    my ($status, $said) = check($value);
    ok $status == 0 && $said =~ /\[warn\].*$says.* in \S+nginx\.conf:14$/m, "warns of $value" or diag $said;
    unlike $said, qr/SECRET/, 'without a secret';
}

# === TEST 4: a module that was built without hiredis takes no URL, and says so
SKIP: {
    skip 'the module is in the binary', 2 if !$module;
    my $log = `VCITA_OAUTH_REDIS=no OUT=$dir/build nice bash tools/build.sh 2>&1`;
    is $?, 0, 'it builds' or diag $log;
    $module = "$dir/build/ngx_http_vcita_oauth_module.so";
    my ($status, $said) = check('redis://127.0.0.1');
    ok $status != 0 && $said =~ /\[emerg\].*"vcita_oauth_session_store" directive requires a build with hiredis for a URL/,
        'nginx -t says it' or diag $said;
    ($status, $said) = check('cookie');
    is $status, 0, 'all else is there' or diag $said;
}

done_testing();


sub put {
    my ($name, $text) = @_;
    open my $fh, '>', "$dir/$name" or die "$dir/$name: $!\n";
    print $fh $text;
    close $fh;
    chmod 0600, "$dir/$name";
}

sub check {
    my ($value) = @_;
    my $load = $module ? "load_module $module;" : '';
    put('nginx.conf', <<"CONF");
$load
error_log stderr;
pid $dir/nginx.pid;
events {}
http {
    client_body_temp_path $dir/b; proxy_temp_path $dir/p; fastcgi_temp_path $dir/f;
    uwsgi_temp_path $dir/u; scgi_temp_path $dir/s;
    vcita_oauth_client_id app1;
    vcita_oauth_client_secret s3cret-0123456789abcdef;
    server {
        listen 127.0.0.1:8;
        vcita_oauth_redirect_uri http://127.0.0.1/oauth/callback;
        location / { vcita_oauth on; }
        vcita_oauth_session_store $value;
    }
}
CONF
    # nginx -t frees nothing of what it finds good
    local $ENV{ASAN_OPTIONS} = join ':', $ENV{ASAN_OPTIONS} // (), 'detect_leaks=0';

    my $said = `$nginx -t -e stderr -p $dir/ -c $dir/nginx.conf 2>&1`;
    return ($?, $said);
}
