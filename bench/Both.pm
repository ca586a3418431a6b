# Both - the contestants, each an nginx or an Apache of its own with one worker,
# measured both ways: alone on the cpu, and interleaved, three workers loaded
# together on it.  All of a group are sent the same bytes, cookie included.

package Both;

use strict;
use warnings;

use Apache;
use Bench;
use Load;
use Site;

use Exporter 'import';

our @EXPORT = qw( contest );

# both gates accept each other's sessions: the client is the same
my $HEADERS = 'vcita_oauth_header X-1 $vcita_oauth_claim_email; '
    . 'vcita_oauth_header X-2 $vcita_oauth_claim_business_uid;';

# id => title; its server, whose port is of that name; beside what it stands
my %CONTESTANT = (
    nginx  => { title => 'nginx, no auth, without the module',
                server => 'plain' },
    gate0  => { title => 'this module', server => 'gate', beside => 'nginx' },
    gate2  => { title => 'this module, two `vcita_oauth_header`',
                server => 'header', beside => 'nginx' },
    alive  => { title => 'auth_request, upstream keep-alive',
                server => 'auth', beside => 'nginx' },
    fresh  => { title => 'auth_request, as most guides have it',
                server => 'fresh', beside => 'nginx' },
    apache => { title => 'Apache, no auth', server => 'apache_off' },
    openidc => { title => 'mod_auth_openidc, client-cookie',
                 server => 'apache', beside => 'apache' },
    'openidc-s' => { title => 'mod_auth_openidc, server-cache (shm)',
                     server => 'apache_shm', beside => 'apache' },
);

my @ORDER = qw( nginx gate0 gate2 alive fresh apache openidc openidc-s );

# what is loaded together; each of them is measured alone, too
my @NGINX = ([ qw( nginx gate0 alive ) ], [ qw( nginx gate2 fresh ) ]);
my @APACHE = ([ qw( apache openidc openidc-s ) ]);
my @SECURE = ([ qw( nginx gate0 alive ) ], [ qw( nginx gate2 alive ) ]);

# id => title, how it is asked, the target, the groups
my @TABLES = (
    { id => 'gif', title => 'empty_gif', target => 'gif',
      groups => [ @NGINX, @APACHE ] },
    { id => '1k', title => '1 KiB file', target => '1k',
      groups => [ @NGINX, @APACHE ] },
    { id => 'proxy', title => 'proxy', target => 'proxy',
      groups => [ @NGINX, @APACHE ] },
    { id => '302', title => 'A browser that is not signed in',
      target => '302', anonymous => 1, groups => [ [ qw( nginx gate0 openidc ) ] ] },
    map({ my $target = $_;
          map { { id => "$_ $target", target => $target, $_ => 1,
                  title => ($target eq 'gif' ? 'empty_gif' : $target)
                      . ($_ eq 'tls' ? ' over TLS' : ' over HTTP/2'),
                  groups => $target eq 'proxy' ? [ $SECURE[1] ]
                      : [ $SECURE[0] ] } } qw( tls h2 ) }
        qw( gif proxy )),
);

my %Pid;                                         # server -> worker
my %Cookie;                                      # of nginx, of Apache


# contest OPTIONS: alone and interleaved rounds, seconds of each measurement
sub contest {
    my (%of) = @_;
    my %found;                                   # "way table id" -> rounds

    start();

    for my $round (1 .. $of{rounds}) {
        say_step("round $round of $of{rounds}");

        for my $table (@TABLES) {
            alone($table, $of{seconds}, \%found) if $round <= $of{alone};
            interleaved($table, $of{seconds}, \%found);
        }
    }

    return { contestants => \%CONTESTANT, order => \@ORDER, tables => \@TABLES,
             found => \%found, %of,
             cookies => { map { $_ => length $Cookie{$_} } keys %Cookie } };
}


# --- measuring ----------------------------------------------------------------

sub alone {
    my ($table, $seconds, $found) = @_;
    my %seen;
    my @ids = grep { !$seen{$_}++ } map { @$_ } @{ $table->{groups} };

    record($found, "alone $table->{id}", \@ids,
           map { together($seconds, job($table, $_)) } @ids);
}


sub interleaved {
    my ($table, $seconds, $found) = @_;

    for my $ids (@{ $table->{groups} }) {
        record($found, "interleaved $table->{id}", $ids,
               together($seconds, map { job($table, $_) } @$ids));
    }
}


# what each spent, and beside what it stands in the same round
sub record {
    my ($found, $name, $ids, @results) = @_;
    my %of;

    @of{@$ids} = @results;

    for my $id (@$ids) {
        my $beside = $of{ $CONTESTANT{$id}{beside} // '' };

        push @{ $found->{"$name $id"} }, {
            %{ $of{$id} },
            $beside ? (ratio => $of{$id}{cpu} / $beside->{cpu},
                       added => $of{$id}{cpu} - $beside->{cpu}) : (),
        };
    }
}


# the same bytes for all: no port is in the Host header
sub job {
    my ($table, $id) = @_;
    my $server = $CONTESTANT{$id}{server};
    my $secure = $table->{tls} || $table->{h2};
    my $family = $server =~ /apache/ ? 'apache' : 'nginx';
    my @headers = $table->{anonymous}
        ? ('-H', 'Accept: text/html', '-H', 'Sec-Fetch-Mode: navigate')
        : ('-H', "Cookie: $Cookie{$family}");

    push @headers, '-H', $table->{h2} ? ':authority: 127.0.0.1' : 'Host: 127.0.0.1';

    return { pids => [ $Pid{$server} ], h2 => $table->{h2},
             options => \@headers,
             url => ($secure ? 'https' : 'http') . '://127.0.0.1:'
                 . $PORT{ $server . ($secure ? '_tls' : '') }
                 . "/$table->{target}" };
}


# --- servers ------------------------------------------------------------------

sub start {
    certificate();
    conf('back', back_servers());
    nginx('back', $PORT{app}, 'taskset', '-c', $BACK_CPU);

    front(gate => 'vcita_oauth_rate off;' . gate('gate') . gate('header', $HEADERS));
    $Pid{header} = $Pid{gate};
    front(auth => checks() . server('auth', 'auth_request /check-alive;', check()));
    front(fresh => checks() . server('fresh', 'auth_request /check-fresh;', check()));

    # its redirect is as long as the gate's
    my $plain = front(plain => server('plain', '', redirect(0)));
    my $longer = redirect_length('/302');

    end_of($plain);
    front(plain => server('plain', '', redirect($longer)));
    $Cookie{nginx} = login($PORT{gate}, '/gif');

    my $sandbox = start_sandbox();

    for (qw( off cookie shm )) {
        my $name = { off => 'apache_off', cookie => 'apache', shm => 'apache_shm' }->{$_};

        $Pid{$name} = start_apache($_, $sandbox);
    }

    $Cookie{apache} = join '; ', map { apache_login($_) } qw( cookie shm );
}


# an nginx of that name and its worker; that without auth has no module
sub front {
    my ($name, $text) = @_;

    conf("front-$name", "upstream app { server 127.0.0.1:$PORT{app}; keepalive 32; }\n"
         . $text);

    spew("$DIR/front-$name.conf", slurp("$DIR/front-$name.conf") =~ s/^load_module.*//mr)
        if $name ne 'gate';

    my $master = nginx("front-$name", $PORT{$name}, 'taskset', '-c', $FRONT_CPU);

    $Pid{$name} = worker_of($master);
    return $master;
}


sub server {
    my ($name, $gate, @more) = @_;
    my $tls = $PORT{"${name}_tls"};

    $tls = $tls ? "listen 127.0.0.1:$tls ssl http2; ssl_certificate $DIR/cert.pem;"
        . " ssl_certificate_key $DIR/cert.key;" : '';

    return <<END;
    server {
        listen 127.0.0.1:$PORT{$name};
        $tls
        @more
        location = /gif   { $gate empty_gif; }
        location = /1k    { $gate alias $DIR/html/1k; }
        location = /proxy { $gate proxy_set_header Connection "";
                            proxy_http_version 1.1; proxy_pass http://app; }
    }
END
}


# by its redirect_uri an https site, so that its cookies have such a one's names
sub gate {
    my ($name, @more) = @_;

    return server($name, 'vcita_oauth on;', @more,
                  gate_settings(redirect_uri => "https://127.0.0.1:$PORT{gate}/oauth/callback"),
                  'location = /302 { vcita_oauth on; empty_gif; }');
}


sub redirect {
    my ($longer) = @_;
    return 'location = /302 { return 302 /' . 'x' x $longer . '; }';
}


sub checks { return "upstream check { server 127.0.0.1:$PORT{check}; keepalive 32; }\n" }


# with connections that are kept, and a new one for each check; the daemon is the
# kindest there can be: an nginx on another cpu that answers 204 to anything
sub check {
    my $common = 'internal; proxy_pass_request_body off;'
        . ' proxy_set_header Content-Length "";'
        . ' proxy_set_header X-Original-URI $request_uri;';

    return <<END;
        location = /check-fresh { $common proxy_pass http://127.0.0.1:$PORT{check}; }
        location = /check-alive { $common proxy_pass http://check;
            proxy_http_version 1.1; proxy_set_header Connection ""; }
END
}


sub certificate {
    system('openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1'
           . " -nodes -days 3 -subj /CN=localhost -keyout $DIR/cert.key"
           . " -out $DIR/cert.pem 2> $DIR/openssl.out") == 0
        or die "openssl: see $DIR/openssl.out\n";
}


1;
