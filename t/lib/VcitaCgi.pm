# VcitaCgi - a FastCGI, uwsgi and SCGI responder for flows, in a process of its own that ends with the object:
#
#   my $cgi = cgi($port);               # which protocol it is, the first byte of a request tells
#
# It passes each request on to the echoing application, as GET of DOCUMENT_URI with all its HTTP_... parameters as
# headers of that very name, and answers with what that one answered.  It reads no request body.
package VcitaCgi;

use strict;
use warnings;

use IO::Socket::INET ();
use POSIX ();

my ($App);


sub VcitaFlow::Code::cgi {
    my ($port) = @_;
    my $listener = IO::Socket::INET->new(LocalAddr => '127.0.0.1', LocalPort => $port, Listen => 64, ReuseAddr => 1)
        or die "cgi: $!";
    ($App) = VcitaFlow::stub()->app_url =~ m{([\d.]+:\d+)$} or die "where is the application?\n";

    my $parent = $$;
    my $pid = fork // die "fork: $!";
    if (!$pid) {
        $SIG{$_} = 'DEFAULT' for qw( __DIE__ ALRM TERM );
        alarm 180;
        while (getppid == $parent && (my $client = $listener->accept)) {
            eval { serve($client); 1 } or print STDERR "cgi: $@";
        }
        POSIX::_exit(0);
    }
    close $listener;
    return bless { pid => $pid }, 'Cgi';
}

sub Cgi::DESTROY { local $?; kill KILL => $_[0]{pid}; waitpid $_[0]{pid}, 0 }


sub serve {
    my ($client) = @_;
    my $first = take($client, 1);
    my $fastcgi = $first eq "\1";
    my $answer = asked($fastcgi ? fastcgi($client) : $first eq "\0" ? uwsgi($client) : scgi($client, $first));

    # END_REQUEST comes behind STDOUT
    $answer = record(6, $answer) . record(6, '') . record(3, "\0" x 8) if $fastcgi;
    print $client $answer;
    $client->flush;
}


sub take {
    my ($client, $n) = @_;
    my $bytes = '';
    while (length $bytes < $n) {
        sysread $client, $bytes, $n - length $bytes, length $bytes or die "the request is cut short\n";
    }
    return $bytes;
}


# -- the three protocols: a request's parameters, [name, value] each, in order ----------------------

sub fastcgi {
    my ($client) = @_;
    my ($in, $params) = ("\1", '');
    while (1) {
        my ($type, $len, $pad) = unpack 'x C x2 n C', $in . take($client, 8 - length $in);
        my $content = take($client, $len + $pad);
        $params .= substr $content, 0, $len if $type == 4;
        last if $type == 5 && $len == 0;
        $in = '';
    }
    my @param;
    while (length $params) {
        my @len = map {
            my ($n) = unpack 'C', $params;
            my $long = $n > 127;
            $n = unpack('N', $params) & 0x7fffffff if $long;
            substr($params, 0, $long ? 4 : 1) = '';
            $n;
        } 1, 2;
        push @param, [ map { substr $params, 0, $_, '' } @len ];
    }
    return @param;
}

sub record { my ($type, $text) = @_; return pack('C2 n n x2', 1, $type, 1, length $text) . $text }


sub uwsgi {
    my ($client) = @_;
    my ($len) = unpack 'v', take($client, 3);
    return pairs(unpack '(v/a)*', take($client, $len));
}


sub scgi {
    my ($client, $len) = @_;
    $len .= take($client, 1) until $len =~ s/:$//;
    return pairs(split /\0/, take($client, $len + 1) =~ s/,$//r, -1);
}

sub pairs {
    my @pair;
    while (@_ > 1) { push @pair, [ splice @_, 0, 2 ] }
    return @pair;
}


# -- the application -------------------------------------------------------------------------------

sub asked {
    my ($uri) = map { $_->[1] } grep { $_->[0] eq 'DOCUMENT_URI' } @_;
    my $app = IO::Socket::INET->new(PeerAddr => $App) or die "application: $!\n";

    print $app "GET $uri HTTP/1.1\r\nHost: app\r\nConnection: close\r\n",
        (map { "$_->[0]: $_->[1]\r\n" } grep { $_->[0] =~ /^HTTP_(?!HOST$|CONNECTION$)/ } @_), "\r\n";
    $app->flush;

    my $answer = do { local $/; <$app> } // '';
    $answer =~ s/^HTTP\S+ (\d+) [^\r]*/Status: $1/;
    return $answer;
}

1;
