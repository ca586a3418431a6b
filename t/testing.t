# examples/testing/site.t as its users have it: copied into a folder of theirs, beside an nginx.conf of theirs, with one
# variable that says where the project is.  It passes, and it notices what a site must not lose.

use strict;
use warnings;

use lib 't/lib';

use Cwd ();
use File::Copy ();
use File::Path ();
use Test::More;
use VcitaConf ();
use VcitaLoop qw( scale );

my $Project = Cwd::getcwd();
my $Work = $ENV{TEST_NGINX_SERVROOT} // "$Project/t/servroot";
my $Examples = $ENV{VCITA_EXAMPLES} // 'examples';

# a site that none of the examples is like: files beside nginx.conf, two servers, a named upstream, settings that a
# test's nginx has of its own, other modules' and other machines' paths, sessions in a Redis that is not here
my %SITE = (
    'nginx.conf' => <<'END',
user www-data;
worker_processes auto;
pid /run/nginx.pid;
error_log /var/log/nginx/error.log warn;
load_module "modules/ngx_http_vcita_oauth_module.so";

events { worker_connections 768; }

http {
    sendfile            on;
    server_tokens       off;
    default_type        application/octet-stream;
    keepalive_timeout   65;
    proxy_temp_path     /var/cache/nginx/proxy;
    proxy_cache_path    /var/cache/nginx/assets keys_zone=assets:1m;

    log_format  site  '$remote_addr "$request" $status '
                      "{$vcita_oauth_claim_email; $vcita_oauth_error}";
    access_log  /var/log/nginx/access.log site;

    upstream crm {
        server crm-1.internal:9000 max_fails=2;
        server crm-2.internal:9000 backup;
        keepalive 8;
    }

    include conf.d/*.conf;
}

stream { server { listen 5432; proxy_pass db.internal:5432; } }
END
    'conf.d/crm.conf' => <<'END',
# people's address is crm.studio.example; http only sends them there
server {
    listen 80 default_server;
    listen [::]:80 default_server;
    server_name crm.studio.example;
    return 301 https://$host$request_uri;
}

server {
    listen 443 ssl http2;
    listen [::]:443 ssl http2 ipv6only=on;
    server_name crm.studio.example;

    ssl_certificate      /etc/letsencrypt/live/crm/fullchain.pem;
    ssl_certificate_key  /etc/letsencrypt/live/crm/privkey.pem;
    ssl_dhparam          /etc/letsencrypt/dhparams.pem;

    include gate.inc;

    location / {
        vcita_oauth      on;
        proxy_set_header Host      $host;
        proxy_set_header X-Crm-As  $vcita_oauth_claim_email;
        proxy_set_header X-Role    $vcita_oauth_claim_role;
        proxy_pass       http://crm/app/;
    }

    location /static/ {
        proxy_cache  assets;
        proxy_set_header X-Crm-As  "";
        proxy_set_header X-Role    "";
        proxy_pass   http://crm;
    }

    location = /bye { vcita_oauth_logout; }
}
END
    'gate.inc' => <<'END',
vcita_oauth_client_id          0123456789abcdef0123456789abcdef;
vcita_oauth_client_secret      file:/etc/nginx/secrets/vcita;
vcita_oauth_redirect_uri       https://$host/signed-in;
vcita_oauth_session_key_file   /etc/nginx/secrets/session;
vcita_oauth_session_store      redis://sessions.internal:6379;
vcita_oauth_http_proxy         http://user:word@proxy.internal:3128;
vcita_oauth_userinfo           on;
vcita_oauth_require            $vcita_oauth_claim_role owner staff;
vcita_oauth_require            $vcita_oauth_claim_email *@studio.example;
vcita_oauth_revoke_endpoint    https://api.vcita.biz/platform/v1/tokens/revoke;
END
);

# what the user changes in the file
my %CHANGES = (
    page => q('/customers/7?tab=notes'), public => q('/static/crm.css'), logout => q('/bye'),
    told => q({ 'X-Crm-As' => 'email', 'X-Role' => 'role' }),
    people => q({ insider => { sub => 'i1', email => 'ida@studio.example', role => 'staff' },
                  outsider => { sub => 'o1', email => 'otto@studio.example', role => 'client' } }),
);

my $Ports = ($ENV{TEST_NGINX_PORT} // 1984) + 1;


sub put {
    my ($path, $text) = @_;
    File::Path::make_path($path =~ s{/[^/]*$}{}r);
    open my $fh, '>', $path or die "$path: $!\n";
    print $fh $text;
    close $fh or die "$path: $!\n";
}

sub slurp { local $/; open my $fh, '<', $_[0] or die "$_[0]: $!\n"; return scalar <$fh> }


# An empty folder with site.t and these files; the settings of site.t by name.  Where the line of a setting is gone,
# nobody can change it.
sub folder {
    my ($name, $files, %setting) = @_;
    my $dir = "$Work-$name";
    File::Path::remove_tree($dir);
    put("$dir/$_", $files->{$_}) for keys %$files;

    my $text = slurp("$Examples/testing/site.t");
    for my $what (sort keys %setting) {
        $text =~ s/^    $what\s+=> (?:\{\n.*?^    \}|[^\n]*?)([,;])[^\n]*\n/    $what => $setting{$what}$1\n/ms
            or die "site.t has no $what\n";
    }
    put("$dir/site.t", $text);
    return $dir;
}


# What prove says in that folder, of all blocks or of some: its status, and its output.  nothing of the project's own test run is in its way
sub proved {
    my ($dir, @blocks) = @_;
    my $out = '';
    my $pid = open(my $from, '-|') // die "fork: $!\n";
    if (!$pid) {
        chdir $dir or die "$dir: $!\n";
        open STDERR, '>&', \*STDOUT;
        delete @ENV{ grep { /^(?:PERL5LIB|VCITA_TEST_ONLY|TEST_NGINX_SERVROOT)$/ } keys %ENV };
        $ENV{VCITA_OAUTH} = $Project;
        $ENV{TEST_NGINX_PORT} = $Ports;
        $ENV{VCITA_TEST_ONLY} = join "\n", @blocks if @blocks;
        exec 'timeout', '--kill-after=10', 150 * scale(), 'prove', '-v', 'site.t' or POSIX::_exit(127);
    }
    $out .= $_ while <$from>;
    close $from;
    return ($? >> 8, $out);
}

# the titles of blocks that failed
sub failed {
    my ($out) = @_;
    my %block = map { $_ => 1 } $out =~ /^not ok \d+ - site\.t (.*?) - /mg;
    return sort keys %block;
}


# -- it passes -------------------------------------------------------------------------------------

my $own = folder(own => \%SITE, %CHANGES);
my ($status, $out) = proved($own);
is $status, 0, 'a site of its own passes' or diag $out;
is_deeply [ failed($out) ], [], 'no block fails';
is scalar(my @blocks = slurp("$own/site.t") =~ /^=== (.*)/mg), 12, 'twelve blocks';
like $out, qr/^ok \d+ - site\.t \Q$_\E - /m, "ran: $_" for @blocks;

for my $said (
    'conf\.d/crm\.conf:3: listen 80 default_server; -> listen 127\.0\.0\.1:\S+ default_server;',
    'conf\.d/crm\.conf:4: listen \[::\]:80 default_server; -> \(left out\)',
    'conf\.d/crm\.conf:25: proxy_pass http://crm/app/; -> proxy_pass \S+/app/;',
    'nginx\.conf:22: server crm-1\.internal:9000 max_fails=2; -> server \S+ max_fails=2;',
    'gate\.inc:2: vcita_oauth_client_secret \.\.\.; -> ',
    'gate\.inc:5: vcita_oauth_session_store redis://sessions\.internal:6379; -> vcita_oauth_session_store zone=',
    'gate\.inc:6: vcita_oauth_http_proxy \.\.\.; -> \(left out\)',
    'gate\.inc:10: vcita_oauth_revoke_endpoint https://api\.vcita\.biz\S+; -> vcita_oauth_revoke_endpoint https://localhost:\d+/platform/v1/tokens/revoke;',
) {
    like $out, qr/^# (?:\S*\/)?$said/m, "it says what it has changed: $said";
}
unlike $out, qr/user:word|secrets\/vcita/, 'and nothing that is secret';
unlike $out, qr/-> .*(?:vcita_oauth_require|X-Crm-As)/, 'the rules and headers are as they are';


# -- it notices ------------------------------------------------------------------------------------

my $crm = 'conf.d/crm.conf';
my @broken = (
    [ 'the gate is gone',         $crm, 's/vcita_oauth      on;//', 'anonymous', 'login', 'refusal', 'logout: out' ],
    [ 'the gate is optional',     $crm, 's/vcita_oauth      on;/vcita_oauth optional;/', 'anonymous' ],
    [ 'return before the gate',   $crm, 's/vcita_oauth      on;/vcita_oauth on; return 200;/', 'anonymous' ],
    [ 'a rule is gone',           'gate.inc', 's/vcita_oauth_require .*role.*//', 'refusal' ],
    [ 'the logout is gone',       $crm, 's/location = .bye .*//', 'logout: out' ],
    [ 'a header is not set',      $crm, 's/proxy_set_header X-Role    \$.*//', 'login' ],
    [ 'a header is passed on where it is public', $crm, 's/proxy_set_header X-Crm-As  "";//', 'public' ],
    [ 'another callback path',    $crm, 's/include gate\.inc;/include gate.inc; location = \/signed-in { return 200; }/', 'login' ],
);

for my $case (@broken) {
    my ($what, $file, $change, @blocks) = @$case;
    my %site = %SITE;
    local $_ = $site{$file};
    eval "$change or die qq(no such line\n); 1" or die "$what: $@";
    $site{$file} = $_;

    my ($status, $out) = proved(folder(broken => \%site, %CHANGES), @blocks);
    isnt $status, 0, "$what: it fails";
    my @failed = failed($out);
    for my $block (@blocks) {
        ok((grep { /^\Q$block\E/ } @failed), "$what: \"$block\" fails") or diag $out;
    }
}


# -- the examples, as they are ---------------------------------------------------------------------

# for api.conf, whose pages are files
my %api = (
    page => q('/'), paths => q({ '/var/www/app' => 'public' }),
    public => q('/nothing-is'), told => '{}',
);
my $dir = folder('portal', { 'nginx.conf' => slurp("$Examples/portal.conf") });
my ($block) = slurp('docs/testing.md') =~ /^```perl\n(===.*?)^```/ms or die "no block in docs/testing.md\n";
put("$dir/site.t", slurp("$dir/site.t") . "\n\n$block");
($status, $out) = proved($dir);
is $status, 0, 'portal.conf passes, with site.t as it is, and the block of docs/testing.md' or diag $out;
like $out, qr/^ok \d+ - site\.t staff sees the reports.* - no end of waiting/m, 'which ran';

# of api.conf, the first part of the file is what does not speak of the application's answers
$dir = folder('api', { 'nginx.conf' => slurp("$Examples/api.conf"), 'public/index.html' => "the page\n" }, %api);
my $text = slurp("$dir/site.t");
$text =~ s/^=== (?:public|login|refusal):.*?(?=^=== )//msg;
$text =~ s/^=== denied/=== login: the page, and the API with the token
--- flow
my \$b = visitor();
my \$r = sign_in(\$b, '\/', 'insider');
is \$r->body, "the page\\n", 'the page';
\$r = \$b->get('\/vcita-api\/platform\/v1\/clients', headers => [ 'Sec-Fetch-Site' => 'same-origin', 'Sec-Fetch-Mode' => 'cors' ]);
like told(\$r)->{authorization}, qr{^Bearer [0-9a-f]{64}\$}, 'the token is for the API';


=== denied/m;
put("$dir/site.t", $text);
($status, $out) = proved($dir);
is $status, 0, 'api.conf passes, with a block for its API' or diag $out;


# -- what it says where it cannot work -------------------------------------------------------------

for my $case (
    [ { 'nginx.conf' => "events {}\n" }, qr/no server in it/ ],
    [ { 'nginx.conf' => "http { server { listen 80; } }\n" }, qr/no vcita_oauth_client_id and vcita_oauth_redirect_uri/ ],
    [ { 'nginx.conf' => "http {\n    include nowhere.conf;\n}\n" }, qr/nginx\.conf:2: include: \S*nowhere\.conf cannot be read/ ],
    [ { 'nginx.conf' => "http {\n" }, qr/nginx\.conf: unexpected end/ ],
) {
    my ($files, $says) = @$case;
    ($status, $out) = proved(folder(wrong => $files));
    isnt $status, 0, "$says: it fails";
    like $out, $says, "$says";
}

done_testing();
