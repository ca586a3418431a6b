# Bench - what the scripts of bench/ share: processes that end with the script,
# configurations, a keep-alive client that sends exact bytes, and a login.

package Bench;

use strict;
use warnings;

use Exporter 'import';
use File::Path qw( make_path remove_tree );
use IO::Socket::INET;
use POSIX ();
use Time::HiRes qw( sleep time );

our @EXPORT = qw( $ROOT $DIR $CLAIMS say_step port spawn end_of end_all
                  nginx worker_of
                  conf is_open wait_for connection ask browser_headers
                  login slurp spew median spread versions gnuplot
                  write_between );

our $ROOT = $ENV{BENCH_ROOT} // POSIX::getcwd();
our $DIR;

# what nginx is told of a person, as vcita tells it: 13 claims
our $CLAIMS = '{"sub":"a383717599bf1893","type":"staff","role":"owner",'
    . '"email":"alice@example.biz","business_id":"ed469f8764326a66",'
    . '"business_uid":"ed469f8764326a66","business_name":"Tiara",'
    . '"directory_uid":"u6g6s4q3386zs6j2","brand_host":"clients.example.biz",'
    . '"brand_theme":{"colors":{"primary":"#0a7cff","secondary":"#f2f5f9"},'
    . '"locale":"en","logo":null}}';

my $Base = $ENV{BENCH_PORT} // 22000;
my $Owner = $$;
my %Running;                                     # process id -> name


# a folder of that name for everything that is written
sub work_in {
    my ($name) = @_;

    $DIR = "$ROOT/build/bench/$name";
    remove_tree($DIR);
    make_path(map { "$DIR/$_" } qw( html temp ));
    spew("$DIR/html/1k", '0123456789abcdef' x 64);
    spew("$DIR/html/gif", 'GIF89a' . "\0" x 37);
}


sub say_step { print STDERR "bench: @_\n" }


# --- processes ----------------------------------------------------------------

$SIG{$_} = sub { exit 130 } for qw( INT TERM HUP );

END {
    if ($$ == $Owner) {
        my $status = $?;
        end_all();
        $? = $status;
    }
}


# spawn NAME, COMMAND: in the background, its output in a file of that name
sub spawn {
    my ($name, @command) = @_;

    spew("$DIR/$name.out", '');

    my $pid = fork // die "fork: $!\n";

    if (!$pid) {
        setpgrp;
        open STDIN, '<', '/dev/null';
        open STDOUT, '>', "$DIR/$name.out";
        open STDERR, '>&', \*STDOUT;
        exec @command or POSIX::_exit(127);
    }

    $Running{$pid} = $name;
    return $pid;
}


sub end_of {
    my ($pid) = @_;

    delete $Running{$pid} or return;
    kill TERM => $pid;

    for (1 .. 200) {
        return if waitpid($pid, POSIX::WNOHANG()) != 0;
        sleep 0.05;
    }

    kill KILL => -$pid;
    waitpid $pid, 0;
}


sub end_all { end_of($_) for keys %Running }


sub wait_for {
    my ($what, $ready, $seconds) = @_;
    my $end = time + ($seconds // 30);

    while (time < $end) {
        my $value = $ready->();
        return $value if $value;
        sleep 0.02;
    }

    die "no $what\n";
}


# the n-th port of this run
sub port { return $Base + $_[0] }


sub is_open {
    my ($port) = @_;
    return !!IO::Socket::INET->new(PeerAddr => '127.0.0.1', PeerPort => $port);
}


# --- nginx --------------------------------------------------------------------

# conf NAME, TEXT: a configuration with what all of them have
sub conf {
    my ($name, $text) = @_;
    my $user = $> == 0 ? 'user root;' : '';
    my $temp = join '', map { "    ${_}_temp_path $DIR/temp;\n" }
        qw( client_body proxy fastcgi uwsgi scgi );

    spew("$DIR/$name.conf", <<END);
load_module $ROOT/build/ngx_http_vcita_oauth_module.so;
$user
worker_processes 1;
daemon off;
pid $DIR/$name.pid;
error_log $DIR/$name.log;
events { worker_connections 4096; }
http {
    access_log off;
    keepalive_requests 1000000000;
    keepalive_timeout 1h;
    open_file_cache max=100;
$temp
$text
}
END
}


# nginx NAME, PORT, COMMAND: the conf of that name, run by the command
sub nginx {
    my ($name, $port, @command) = @_;
    my $nginx = $ENV{NGINX_BINARY} // '/usr/sbin/nginx';

    die "port $port is taken: choose others by BENCH_PORT\n" if is_open($port);

    my $pid = spawn($name, @command, $nginx, '-p', "$DIR/", '-e',
                    "$DIR/$name.log", '-c', "$DIR/$name.conf");

    wait_for("nginx: see $DIR/$name.out", sub { is_open($port) }, 60);
    return $pid;
}


# the one worker of a master
sub worker_of {
    my ($master) = @_;
    return wait_for('worker', sub { `pgrep -P $master` =~ /(\d+)/ && $1 });
}


# --- a client -----------------------------------------------------------------

sub connection {
    my ($port) = @_;

    return IO::Socket::INET->new(PeerAddr => '127.0.0.1', PeerPort => $port)
        // die "port $port: $!\n";
}


# one request, as bytes, and its answer: status, head, body
sub ask {
    my ($c, $bytes) = @_;
    my $got = '';

    syswrite $c, $bytes;

    until ($got =~ /\r\n\r\n/) {
        sysread $c, $got, 65536, length $got or die "connection closed\n";
    }

    my ($head, $body) = $got =~ /^(.*?\r\n\r\n)(.*)/s;
    my $left = $head =~ /^Content-Length: (\d+)/mi ? $1 : 0;

    while (length $body < $left) {
        sysread $c, $body, 65536, length $body or die "connection closed\n";
    }

    return ($head =~ /^HTTP\S+ (\d+)/, $head, $body);
}


# what today's browsers send beside the cookie, which comes last
sub browser_headers {
    my ($host, $cookie) = @_;

    return join '', map { "$_\r\n" }
        "Host: $host",
        'User-Agent: Mozilla/5.0 (X11; Linux x86_64) Gecko/20100101 Firefox/140',
        'Accept: text/html,application/xhtml+xml,*/*;q=0.8',
        'Accept-Language: en-US,en;q=0.5',
        'Sec-Fetch-Dest: document', 'Sec-Fetch-Mode: navigate',
        'Sec-Fetch-Site: same-origin',
        (defined $cookie ? "Cookie: $cookie" : ()), '';
}


# login PORT, PATH: a whole login by way of a stub; the session cookie
sub login {
    my ($port, $path) = @_;
    my $c = connection($port);
    my $host = "127.0.0.1:$port";

    my ($status, $head) = ask($c, "GET $path HTTP/1.1\r\n"
                                  . browser_headers($host));
    my ($state) = $head =~ /^Location: .*[?&]state=([\w-]+)/mi;
    my ($cookie) = $head =~ /^Set-Cookie: ([\w-]+=[\w.-]+)/mi;

    die "no redirect to a login: $head" if $status != 302 || !$state;

    ($status, $head) = ask($c, "GET /oauth/callback?code=c&state=$state"
                               . " HTTP/1.1\r\n"
                               . browser_headers($host, $cookie));
    ($cookie) = $head =~ /^Set-Cookie: ([\w-]*vcita_session=[\w-]+)/mi;

    die "no session: $head" if $status != 303 || !$cookie;
    return $cookie;
}


# --- small things -------------------------------------------------------------

sub slurp {
    my ($path) = @_;

    open my $file, '<', $path or die "$path: $!\n";
    local $/;
    return scalar(<$file>) // '';
}


sub spew {
    my ($path, $text) = @_;

    open my $file, '>', $path or die "$path: $!\n";
    print $file $text;
    close $file or die "$path: $!\n";
}


sub median {
    my @sorted = sort { $a <=> $b } @_ or return;

    return $sorted[$#sorted / 2] if @sorted % 2;
    return ($sorted[@sorted / 2 - 1] + $sorted[@sorted / 2]) / 2;
}


# how wide the middle half of them is, to the median; of few it cannot be said
sub spread {
    my @sorted = sort { $a <=> $b } @_;

    return @sorted < 4 ? undef
        : ($sorted[3 * $#sorted / 4] - $sorted[$#sorted / 4]) / median(@sorted);
}


# a picture, as text files are here
sub gnuplot {
    my ($script, $file, $text) = @_;

    spew($script, $text);
    system('gnuplot', $script) == 0 or die "gnuplot failed\n";
    spew($file, slurp($file) =~ tr/\t/ /r =~ s/ +$//mgr);
}


# what stands in a file between the comments of that command; new: at the end
sub write_between {
    my ($file, $command, $text) = @_;
    my ($from, $to) = ("<!-- $command writes this -->\n", "<!-- to here -->\n");
    my $all = -e $file ? slurp($file) : '';

    $all =~ s/\Q$from\E.*?\Q$to\E/$from$text$to/s or $all .= "\n$from$text$to";
    spew($file, $all =~ s/\A\n//r);
}


# what was installed: the packages' own versions
sub versions {
    my @found;

    for my $package (@_) {
        my $version = `dpkg-query -W -f '\${Version}' $package 2>/dev/null`;
        push @found, "$package $version" if $version;
    }

    return @found;
}


1;
