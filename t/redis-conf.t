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
    [ 'redis:/127.0.0.1' => 'or a redis://, rediss://, redis\+sentinel:// or rediss\+sentinel:// URL' ],
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
    local $ENV{VCITA_TEST_MODULE} = "$dir/build/ngx_http_vcita_oauth_module.so";
    my ($status, $said) = check('redis://127.0.0.1');
    ok $status != 0 && $said =~ /\[emerg\].*"vcita_oauth_session_store" directive requires a build with hiredis for a URL/,
        'nginx -t says it' or diag $said;
    ($status, $said) = check('cookie');
    is $status, 0, 'all else is there' or diag $said;
}

# === TEST 5: session_store redis+sentinel: the URLs and parameters that there are
for my $ok ('redis+sentinel://127.0.0.1/mymaster', 'redis+sentinel://127.0.0.1:26379,127.0.0.2,[::1]:5000/my.master-1_x/15',
    'redis+sentinel://localhost/m/', 'redis+sentinel://u:p%40@127.0.0.1,127.0.0.1:1/m',
    'redis+sentinel://127.0.0.1/m user=u password=p sentinel_user=s sentinel_password=file:pass',
    'rediss+sentinel://192.0.2.1,192.0.2.2/m sentinel_user=s connect_timeout=1s timeout=1s prefix=p sentinel_password=p',
        'redis+sentinel://127.0.0.1/m sentinel_password=x',
    "rediss+sentinel://127.0.0.1/m ca=@{[ VcitaCert->get->{ca} ]} ssl_verify=on", 'rediss+sentinel://localhost/m ssl_verify=off',
    'redis+sentinel://' . join(',', map { "127.0.0.$_" } 1 .. 16) . '/m')
{
    my ($status, $said) = check($ok);
    ok $status == 0 && $said !~ /\[(?:warn|error|crit|alert|emerg)\]/, "takes $ok" or diag $said;
}

# === TEST 6: session_store redis+sentinel: what is wrong is named with its line, and no secret is
my $S = 'redis+sentinel://127.0.0.1';
for (
    [ 'redis+sentinel://' => 'has no name of a master' ], [ $S => "\"$S\" has no name of a master, add it .* as in /mymaster" ],
    [ "$S/" => 'has no name of a master' ], [ "$S//1" => 'has an invalid name of a master' ], [ "$S/m%41" => 'has an invalid name of a master' ],
    [ "$S/m?db=1" => 'has an invalid name of a master' ], [ "$S/m/x" => 'has an invalid database number' ],
    [ "$S/m/65536" => 'has an invalid database number' ], [ "$S/m/1/2" => 'has an invalid database number' ],
    [ 'redis+sentinel:///m' => 'no host in the Sentinel "" of "redis+sentinel:///m"' ], [ "$S,/m" => "no host in the Sentinel \"\" of \"$S,/m\"" ],
    [ "$S,,127.0.0.2/m" => 'no host in the Sentinel ""' ], [ 'redis+sentinel://:26379/m' => 'no host in the Sentinel ":26379"' ],
    [ "$S:0/m" => 'invalid port in the Sentinel "127.0.0.1:0"' ], [ "$S,127.0.0.2:x/m" => 'invalid port in the Sentinel "127.0.0.2:x"' ],
    [ "$S:65536/m" => 'invalid port' ], [ 'redis+sentinel://[::1/m' => 'invalid host in the Sentinel' ],
    [ 'redis+sentinel://unix:/run/sentinel.sock/m' => 'unix domain socket in the Sentinel "unix:"' ],
    [ "$S,127.0.0.2,127.0.0.1:26379/m" => 'has the Sentinel "127.0.0.1:26379" twice' ], [ 'redis+sentinel://localhost,LOCALHOST/m' => 'twice' ],
    [ 'redis+sentinel://' . join(',', map { "127.0.0.$_" } 1 .. 17) . '/m' => 'has more than 16 Sentinels' ],
    [ 'redis+sentinel://u:SECRET@x@127.0.0.1/m' => 'write %2F or %40' ], [ 'redis+sentinel://u:SECRET%zz@127.0.0.1/m' => 'as %25' ],
    [ "$S/m sentinel_user=s" => 'has a sentinel_user without a password, set sentinel_password=' ],
    [ "$S/m user=u sentinel_password=SECRET" => 'has a user without a password' ],
    [ "$S/m sentinel_user=" => '"sentinel_user=" .* is empty' ], [ "$S/m sentinel_password=" => '"sentinel_password=" .* is empty' ],
    [ "$S/m sentinel_user=a sentinel_user=b" => 'is duplicate' ],
    [ "$S/m sentinel_password=SECRET sentinel_password=SECRET" => '"sentinel_password=" .* is duplicate' ],
    [ "$S/m sentinel_password=file:nowhere" => '"[^"]*nowhere" failed' ],
    [ 'redis://127.0.0.1 sentinel_user=s' => '"sentinel_user=" of "redis://127.0.0.1" requires redis+sentinel:// or rediss+sentinel://' ],
    [ 'rediss://127.0.0.1 sentinel_password=SECRET' => '"sentinel_password=" of .* requires redis+sentinel://' ],
    [ "$S/m ca=x" => 'which require rediss://' ], [ 'redis-sentinel://127.0.0.1/m' => 'or rediss\+sentinel:// URL' ],
    [ 'redis+sentinel:/127.0.0.1/m' => 'or rediss\+sentinel:// URL' ], [ 'redis+sentinels://127.0.0.1/m' => 'or rediss\+sentinel:// URL' ],
) {
    my ($value, $says) = @$_;
    my ($status, $said) = check($value);
    $says =~ s/(?<!\\)\+/\\+/g;
    ok $status != 0 && $said =~ /\[emerg\].*$says.* in \S+nginx\.conf:14$/m, "refuses $value" or diag $said;
    unlike $said, qr/=[^"]*SECRET|:SECRET/, 'without a secret' if $value =~ /[:=]SECRET/;
}

# === TEST 7: session_store redis+sentinel: a Sentinel that does not resolve, a password in clear text: a warning
for ([ 'redis+sentinel://no.such.host.invalid,127.0.0.1/m' => 'host not found in the Sentinel "no.such.host.invalid" of .*, it is looked up again' ],
     [ 'redis+sentinel://127.0.0.1,192.0.2.1/m password=SECRET' => 'receives its password without TLS, use rediss\+sentinel://' ],
     [ 'redis+sentinel://192.0.2.1/m sentinel_password=SECRET' => 'receives its password without TLS, use rediss\+sentinel://' ],
     [ 'rediss+sentinel://192.0.2.1/m ssl_verify=off' => '"rediss\+sentinel://192.0.2.1/m" is not verified' ])
{
    my ($value, $says) = @$_;
    my ($status, $said) = check($value);
    ok $status == 0 && $said =~ /\[warn\].*$says.* in \S+nginx\.conf:14$/m, "warns of $value" or diag $said;
    unlike $said, qr/SECRET/, 'without a secret';
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
    my $load = $module ? "load_module @{[ $ENV{VCITA_TEST_MODULE} // $module ]};" : '';
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
